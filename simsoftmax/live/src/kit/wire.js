// Infinities travel as text, for JSON has none.
export const decode = (value) => (value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value) + 0); // no -0
export const encode = (value) => (value === Infinity ? "inf" : value === -Infinity ? "-inf" : value);
