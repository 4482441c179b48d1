// Results of the search quote the pages, which the theme's script fetches. From the file system nothing can be fetched: there
// the texts come from a script (book/_ext/search_offline.py writes it).
if (location.protocol === "file:") {
  const read = new Promise((onload) => {
    document.head.append(Object.assign(document.createElement("script"), { src: "_static/excerpts.js", onload }));
  });
  window.fetch = async (address) => {
    await read;
    const name = String(address).replace(/^(\.?\/)+/, "").replace(/\.html.*$/, "");
    return new Response(`<div role="main">${window.excerpts[name] ?? ""}</div>`);
  };
}
