// Made from simsoftmax/look.py by `make live`.

export const COLDEST = 0.05;
export const HOTTEST = 20.0;
export const HEAT = ["rgb(47,111,176)", "rgb(140,120,150)", "rgb(226,118,32)"];
export const CATEGORIES = ["#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#E69F00"];
