// Dragging in a picture, with places in the picture's own coordinates.

import { drag } from "d3-drag";

/**
 * A drag behaviour of d3 for a picture and what is in it. Its types are those of the selection that calls it.
 * @param {any} picture a d3 selection of one svg
 * @returns {any}
 */
export const dragIn = (picture) => drag().container(picture.node());
