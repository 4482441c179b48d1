import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../../simsoftmax/live/src/kit/format.js";
import { Glide, way } from "../../../simsoftmax/live/src/kit/glide.js";
import { CURVE, heat, place, shadeAt, temperatureAt, temperatureScale, ticksFor, turned } from "../../../simsoftmax/live/src/kit/heat.js";
import { fromTheTop, LevelTraits, levelNames } from "../../../simsoftmax/live/src/kit/level_traits.js";
import { grainsFor, inkOf, shadeOf } from "../../../simsoftmax/live/src/kit/grains.js";
import { COLDEST, HEAT, HOTTEST } from "../../../simsoftmax/live/src/kit/look.js";
import { rungs } from "../../../simsoftmax/live/src/kit/rungs.js";
import { Seldom } from "../../../simsoftmax/live/src/kit/seldom.js";
import { shelves, wholePile } from "../../../simsoftmax/live/src/kit/shelves.js";
import { spread } from "../../../simsoftmax/live/src/kit/spread.js";
import { distributionAt, spotOf } from "../../../simsoftmax/live/src/kit/triangle.js";
import { FARTHEST, readLogits, readTemperature } from "../../../simsoftmax/live/src/kit/typed.js";
import { decode, encode } from "../../../simsoftmax/live/src/kit/wire.js";
import { fakeStage, near } from "./support.js";

const plain = (colour) => colour.replaceAll(" ", "");

test("numbers have a true minus sign, and zero has none", () => {
  assert.equal(format.fixed(-1.23456), "−1.235");
  assert.equal(format.fixed(-0.0001), "0.000");
  assert.equal(format.fixed(-Infinity), "−∞");
  assert.equal(format.fixed(NaN), "undefined");
  assert.equal(format.fixed(123456), "1.23e+5");
  assert.equal(format.short(-0.5), "−0.5");
  assert.equal(format.short(1e-15), "0");
  assert.equal(format.temperature(Infinity), "∞");
  assert.equal(format.temperature(0.5), "0.500");
  assert.equal(format.significant(141.4), "141");
  assert.equal(format.significant(14142), "14,100");
});

test("large numbers are said roughly", () => {
  assert.equal(format.roughly(12300000), "12 million");
  assert.equal(format.roughly(4.4e9), "4.4 billion");
  assert.equal(format.roughly(1234), "1,200");
  assert.equal(format.roughly(1.26), "1.3");
});

test("odds go both ways, and very long ones are a power of ten", () => {
  assert.equal(format.odds(Math.log(120)), "120 to 1");
  assert.equal(format.odds(-Math.log(3)), "1 to 3");
  assert.equal(format.odds(100), "10⁴³ to 1");
});

test("what a person types is read in many spellings, and nothing else is a number", () => {
  for (const [text, value] of [["0.3", 0.3], ["−1", -1], ["–2.5", -2.5], [" inf ", Infinity], ["-∞", -Infinity], ["1e3", 1000], [".5", 0.5]]) {
    assert.equal(format.parse(text), value);
  }
  assert.ok(Object.is(format.parse("-0"), 0));
  for (const text of ["", "1,5", "0x10", "two", "1e", "--1"]) assert.ok(Number.isNaN(format.parse(text)), text);
});

test("logits that cannot be drawn are refused in words", () => {
  assert.deepEqual(readLogits("2, 1; -inf 0.5", [2, 16]), { logits: [2, 1, -Infinity, 0.5] });
  assert.match(readLogits("1", [2, 16]).complaint, /2 to 16/);
  assert.match(readLogits("1 2 3", [2, 2]).complaint, /2 to 2/);
  assert.match(readLogits("1 x", [2, 16]).complaint, /must be a number/);
  assert.match(readLogits(`1 ${FARTHEST + 1}`, [2, 16]).complaint, /between/);
  assert.match(readLogits("1 inf", [2, 16]).complaint, /between/);
  assert.match(readLogits("-inf -inf", [2, 16]).complaint, /finite/);
  assert.ok(readLogits(`${FARTHEST} ${-FARTHEST}`, [2, 16]).logits);
});

test("temperatures below zero are refused, and those above a limit where there is one", () => {
  assert.deepEqual(readTemperature("0"), { temperature: 0 });
  assert.deepEqual(readTemperature("inf"), { temperature: Infinity });
  assert.match(readTemperature("-0.1").complaint, /0 or more/);
  assert.match(readTemperature("hot").complaint, /0 or more/);
  const finite = { most: 1e6, why: "because" };
  assert.match(readTemperature("inf", finite).complaint, /1 million: because\./);
  assert.deepEqual(readTemperature("1e6", finite), { temperature: 1e6 });
});

test("infinities travel as text, and come back without a minus zero", () => {
  for (const value of [0, -1.5, Infinity, -Infinity]) assert.equal(decode(encode(value)), value);
  assert.equal(JSON.parse(JSON.stringify(encode(-Infinity))), "-inf");
  assert.ok(Object.is(decode(-0), 0));
});

test("names are pushed apart no more than needed, and stay within", () => {
  assert.deepEqual(spread([10, 50], 20, [0, 100]), [10, 50]);
  const places = spread([40, 41, 42, 99], 20, [0, 100]);
  assert.equal(places[0], 30);
  places.forEach((at, i) => assert.ok(i === 0 || at - places[i - 1] >= 20));
  assert.equal(places.at(-1), 90);
  assert.equal(spread([0], 20, [0, 100])[0], 10);
});

test("a trait travels as its tag says, or jumps", () => {
  const ratio = way("by ratio", 0.1, 10);
  assert.equal(ratio(0), 0.1);
  assert.equal(ratio(0.5), 1);
  assert.equal(ratio(1), 10);
  assert.equal(way("by ratio", 1, "inf")(1), HOTTEST);
  assert.equal(way("in whole numbers", 0, 5)(0.5), 3);
  assert.deepEqual(way("together", [0, 2], [1, 0])(0.5), [0.5, 1]);
  assert.equal(way("together", [0, 2], [1]), undefined);
  assert.equal(way("together", [0, "-inf"], [1, 0]), undefined);
  assert.equal(way(undefined, 0, 1), undefined);
});

test("a glide ends at its goal, whatever jumps has jumped at once", () => {
  const frames = [];
  globalThis.requestAnimationFrame = (tick) => frames.push(tick);
  globalThis.cancelAnimationFrame = () => {};
  const now = { heat: 1, mode: "a" };
  let rested = 0;
  const glide = new Glide((name) => ({ heat: "by ratio" })[name], (changes) => Object.assign(now, changes), () => (rested += 1));
  glide.start((name) => now[name], { heat: 4, mode: "b" });
  assert.deepEqual(now, { heat: 1, mode: "b" });
  frames.shift()(0);
  frames.shift()(300);
  assert.equal(now.heat, 2);
  assert.ok(glide.moving && !rested);
  frames.shift()(1000);
  assert.deepEqual([now.heat, glide.moving, rested], [4, false, 1]);
});

test("the thermometer's scale has both exact limits, and is its own inverse between", () => {
  assert.equal(place(0), 0);
  assert.equal(place(Infinity), 1);
  assert.equal(temperatureAt(0), 0);
  assert.equal(temperatureAt(1), Infinity);
  for (const t of [COLDEST, 0.2, 1, 5, HOTTEST]) assert.ok(near(temperatureAt(place(t)), t, 1e-3), String(t));
  const scale = temperatureScale([10, 110]);
  assert.equal(scale(0), 10);
  assert.equal(scale.copy()(Infinity), 110);
  assert.equal(ticksFor(100).includes(COLDEST), false);
  assert.equal(ticksFor(300).includes(COLDEST), true);
});

test("heat has its three colours where they belong, and no others beyond the ends", () => {
  assert.deepEqual([COLDEST, 1, HOTTEST].map((t) => plain(heat(t))), HEAT);
  assert.deepEqual([0, Infinity].map((t) => plain(heat(t))), [HEAT[0], HEAT[2]]);
  assert.deepEqual([0, 1].map((u) => plain(shadeAt(u))), [HEAT[0], HEAT[2]]);
});

test("the temperatures of a curve grow from zero to infinity", () => {
  assert.equal(CURVE[0], 0);
  assert.equal(CURVE.at(-1), Infinity);
  CURVE.forEach((t, i) => assert.ok(i === 0 || t > CURVE[i - 1], `${CURVE[i - 1]} ${t}`));
});

test("levels are called by their names if each has one, else by their logits", () => {
  assert.deepEqual(levelNames(["a", ""], [1, -0.5]), ["a", "z −0.5"]);
  assert.deepEqual(levelNames(["a"], [1, -Infinity]), ["z 1", "z −∞"]);
  assert.deepEqual(fromTheTop([2, 0, 1, 0]), [3, 1, 2, 0]);
});

test("a level that is moved moves alone", () => {
  const stage = fakeStage({ logits: [2, "-inf", 0.5], names: [], temperature: "inf" });
  const levels = new LevelTraits(stage);
  levels.move(2, 1.5);
  assert.deepEqual(stage.state.logits, [2, "-inf", 1.5]);
  assert.equal(levels.temperature, Infinity);
  levels.temperature = 0.3;
  assert.equal(stage.state.temperature, 0.3);
  assert.deepEqual(levels.rows, { order: [1, 2, 0], names: ["z 2", "z −∞", "z 1.5"] });
});

test("keys turn the heat by a tenth, and to the exact limits beyond the marks", () => {
  assert.equal(turned(1, "ArrowUp"), 1.1);
  assert.equal(turned(1, "ArrowLeft"), 0.909);
  assert.equal(turned(1, "PageUp"), 1.61);
  assert.equal(turned(1, "x"), undefined);
  assert.deepEqual([turned(1, "Home"), turned(1, "End")], [0, Infinity]);
  assert.deepEqual([turned(19, "ArrowUp"), turned(HOTTEST, "ArrowUp"), turned(Infinity, "ArrowUp")], [HOTTEST, Infinity, Infinity]);
  assert.deepEqual([turned(0.051, "ArrowDown"), turned(COLDEST, "ArrowDown"), turned(0, "ArrowDown")], [COLDEST, 0, 0]);
  assert.deepEqual([turned(0, "ArrowUp"), turned(Infinity, "ArrowDown")], [COLDEST, HOTTEST]);
});

test("levels of equal energy stand side by side, and forbidden ones at the top", () => {
  const box = { left: 0, right: 100, top: 10, bottom: 200 };
  const spots = rungs([1, 3, 1, -Infinity, -9], (z) => 100 + 40 * z, box);
  assert.deepEqual(spots.map(({ y }) => y), [140, 200, 140, 10, 10]);
  assert.deepEqual([spots[0].x0, spots[0].x1, spots[2].x0, spots[2].x1], [0, 43, 57, 100]);
  assert.deepEqual([spots[1].x0, spots[1].x1], [0, 100]);
});

test("a distribution over three levels is a point of a triangle, and back", () => {
  const corners = [[50, 0], [0, 90], [100, 90]];
  assert.deepEqual(spotOf([0, 1, 0], corners), [0, 90]);
  const q = [0.2, 0.3, 0.5];
  distributionAt(...spotOf(q, corners), corners, 0.001).forEach((share, k) => assert.ok(near(share, q[k])));
  const outside = distributionAt(-500, 400, corners, 0.001);
  assert.ok(outside.every((share) => share > 0) && near(outside.reduce((a, b) => a + b), 1));
});

test("piles are as dark whatever the size of a grain", () => {
  for (let across = 1; across <= 24; across += 1) {
    for (let down = Math.ceil(across / 2); down <= across; down += 1) {
      const { seam, between, darkest, palest } = inkOf({ across, down });
      const inner = ((across - seam) * (down - seam)) / (across * down);
      const shades = Array.from({ length: 4000 }, (_, n) => palest + (darkest - palest) * shadeOf(n));
      const mean = shades.reduce((sum, shade) => sum + shade / shades.length, 0);
      assert.ok(Math.abs(mean * inner + between * (1 - inner) - 0.75) < 0.005, `${across} x ${down}`);
      assert.ok(0 <= between && between < palest && palest < darkest && darkest <= 1, `${across} x ${down}`);
    }
  }
});

test("grains fill their room and no more, as large as they can be", () => {
  for (const [count, width, height] of [[20000, 840, 200], [20000, 200, 110], [1000, 600, 150], [3, 300, 100], [1, 90, 60]]) {
    const { across, down, columns, rows } = grainsFor(count, width, height);
    assert.ok(columns * rows >= count && columns * (rows - 1) < count);
    assert.ok(columns * across <= width && rows * down <= height);
    assert.ok(across >= down && across <= 2 * down);
  }
  assert.deepEqual(grainsFor(20000, 840, 200), { across: 4, down: 2, columns: 210, rows: 96 });
  assert.equal(grainsFor(20000, 100, 10).rows, 200); // what does not fit is as small as a pixel
  const shades = Array.from({ length: 4000 }, (_, n) => shadeOf(n));
  assert.ok(near(shades.reduce((a, b) => a + b) / 4000, 0.5, 0.02));
  assert.deepEqual(shades, shades.map((_, n) => shadeOf(n)));
});

// Softmax at any temperature holds at most 1 / k in the k-th level from below.
test("no pile of a softmax reaches the next level, whatever the levels", () => {
  const room = { top: 26, bottom: 370, least: 30, most: 160 };
  for (const logits of [[2, 1, 0.1], [1, 1], [0, 0, 0, 0, 0], [3, 2.9, 2.8, -50], [1, -Infinity, 0.5], [-Infinity, 0]]) {
    const order = fromTheTop(logits);
    const count = order.length;
    const whole = wholePile(count, room);
    assert.ok(whole > 40);
    const [low, high] = [Math.min(...logits.filter(Number.isFinite)), Math.max(...logits)];
    const height = (z) => (high === low ? 200 : room.bottom - ((high - z) / (high - low)) * (room.bottom - 90));
    const places = shelves(logits, { ...room, order, height, whole });
    const up = [...order].reverse().map((k) => places[k]);
    up.forEach((y, k) => {
      const next = k + 1 < count ? up[k + 1] : room.top;
      assert.ok(y - whole / (k + 1) > next, `${logits}: level ${k} from below`);
      assert.ok(y <= room.bottom && y - next >= Math.min(room.least, y));
    });
  }
  const places = shelves([2, 1, 0.1], { ...room, order: [2, 1, 0], height: (z) => 370 - 120 * (2 - z), whole: 60 });
  assert.ok([370, 250, 142].every((y, k) => near(places[k], y))); // where there is room, energy is height
});

test("what is done seldom is done at once, however young the page is, and then after a pause", (t) => {
  let now = 3; // milliseconds since the page began
  t.mock.method(performance, "now", () => now);
  const told = new Seldom(200);
  assert.ok(!told.lately);
  assert.ok(told.due());
  assert.ok(!told.due());
  now = 202;
  assert.ok(!told.due());
  told.soon();
  assert.ok(told.due()); // for something has happened
  now = 401;
  assert.ok(!told.due());
  assert.ok(told.lately);
  now = 402;
  assert.ok(told.due());
  now = 802;
  assert.ok(!told.lately);
});
