// What a figure can do besides: settings that wait behind one word until they are wanted.

import { add } from "../kit/dom.js";

// A row for controls that is folded away at first.
export function more(parent, word = "more") {
  const fold = add(parent, "details", { className: "ssm-fold" });
  add(fold, "summary", {}, word);
  return add(fold, "div", { className: "ssm-controls ssm-settings" });
}
