// Made from simsoftmax/look.py by `make live`.

export const COLDEST = 0.05;
export const HOTTEST = 20.0;
export const HEAT = ["rgb(16,120,240)", "rgb(172,54,178)", "rgb(226,108,0)"];
export const CATEGORIES = ["#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#E69F00"];
