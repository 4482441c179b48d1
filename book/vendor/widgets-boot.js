// Widgets without a server. Loaded between require.js and embed-amd.js.
//
// embed-amd.js defines the modules @jupyter-widgets/base, controls and output itself; every other module, which is to say
// anywidget, lies beside this script.
requirejs.config({ baseUrl: document.currentScript.src.replace(/[^/]*$/, "") });
