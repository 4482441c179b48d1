// The compiled Python kernels, callable with arrays that live in their memory.
// JavaScript draws, Python computes: every number of the project that a figure shows comes from here.

const VIEWS = {
  uint8: Uint8Array, int32: Int32Array, int64: BigInt64Array, uint64: BigUint64Array, float64: Float64Array,
};
const PAGE = 65536;

// How long the arrays of every kernel must be, parameter by parameter. A name stands for one size throughout a call, a
// scalar's name for its value, `_` for a scalar that is no size; a number, a product or a sum is the least size.
// Compiled code reads and writes wherever it is told to, so nothing is called with arrays of other sizes.
export const SIZES = {
  sweep_uniform: "n K K 4 _",
  sweep_neighbour: "n K K 4 _",
  count_states: "n K K",
  grow_evidence: "_ K K K _",
  boltzmann_weights: "K _ K K",
  boltzmann: "K _ K K 5",
  integrate_energy: "K _ K K 5 n n",
  free_energy_functional: "K K _ 3",
  free_energy_landscape: "3 _ side side*side",
  mirror_flow: "K K _ _",
  flow_forces: "K K _ K K",
  forgetting_time: "K K _ _ K*K K*K",
  attend: "K _ _ K K 2",
  log_odds: "n _ n",
  descend_gaps: "n n _ _ _",
  affine_probabilities: "n K K _ _ _ n*K",
  affine_loss: "n n K K _ _ _",
  affine_loss_map: "n n K K _ _ side side*side",
  blend: "P K K*P",
  overlap: "n n*classes classes _",
  smooth_label: "K K _",
  turn: "n side _ n",
  speckle: "n _ 4",
  read: "count*pixels count pixels h k pixels*h h*k count*k",
  temper: "1 n _ n n",
  honest_temperature: "1 n",
  state_logits: "n n n*2",
  bin_edges: "n _ n 2",
  bin_events: "n n bins+1 bins bins*4",
  add_events: "n n bins+1 bins bins*4",
  mean_events: "bins bins*4",
  find_fault: "1 n 2",
  add_likelihood: "1 n _ 12",
  add_limits: "1 n 6",
  next_step: "12 3",
  end_fit: "12 _ _ _ 4",
  group_levels: "K K K K K+1 K*4",
  temperature_pull: "G*4 G",
  cells_of: "g g",
  // The caller sizes the table of these two.
  tabulate_cells: "g _ 4",
  cautions_of: "G*4 G _ 4",
  judge_cells: "G*4 G 4 4",
  outcomes: "_ _",
  exact_p_value: "G*4 n G 4 4 _ G*4 n+1 G 4",
  rarest_p_value: "K K",
  level_residuals: "K K 3",
  variation_margin: "_ _",
  thresholds_of: "G*4 G 4 _ _ 9",
  least_shift: "9 _",
  shown_variation: "K K g _ _ _",
  shown_temperature: "K K K G*4 G 9 _ _ _ G 4",
  tilted: "K K K G*4 _ _ _ G",
  draw_outcome: "K K G _ _ G G*4",
  take_temperature: "K K _ 3 3",
  likelihood_rise: "_",
  temperature_at: "_",
  find_dips: "n n",
  whisker: "_ _ _ _",
  exchange: "n _ 4 _",
  tally: "n K K",
  gas_law: "_ _ _ K K 3",
  read_thermometer: "_ _ _ 2",
  cooled: "m _ _",
  anneal_walkers: "n K m _ _ _ K K 4",
  anneal_exactly: "K K m _ _ _ K K K",
  token_masses: "n _ 11 K n",
  draw_contexts: "4 _ n",
  draw_tokens: "n _ 4 m",
  add_residuals: "n n*levels n*levels levels _ 1 b t b+1 t t t 3 levels*3 levels*levels",
  rank_shares: "b b+1 b+1 b+1",
  compare_shares: "K K 4",
  tail_p_value: "b b+1 1 _ b b n n n 2",
  judge_draws: "t t t t 3 1 K K K*3 K*K K*K _ _ _ t*6 10",
  exploration_temperature: "_ _ _ _",
  exploration_setting: "_ _ _",
  choose_arm: "_ _ K K 4",
  play_bandit: "_ _ K K K n n 4",
  add_games: "_ _ K _ K K n n n 3 4",
  running_sum: "n n+1 _",
  coming_letter: "n _ C c c F F 3 _ _ _ _ _ K K K",
  draw_level: "n 4",
  said_before: "n _ end _",
};

// A DataView's bytes as an ArrayBuffer of their own.
export const copy = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);

// An array in the kernels' memory. `view` is read afresh each time: growing the memory replaces its buffer.
class Block {
  constructor(memory, type, pointer, length) {
    this.memory = memory;
    this.type = type;
    this.pointer = pointer;
    this.length = length;
    this.View = VIEWS[type];
  }
  get view() {
    if (this.cached?.buffer !== this.memory.buffer) {
      this.cached = new this.View(this.memory.buffer, this.pointer, this.length);
    }
    return this.cached;
  }
  part(start, end) {
    return new Block(this.memory, this.type, this.pointer + start * this.View.BYTES_PER_ELEMENT, end - start);
  }
}

// Refuse arrays whose sizes do not go together.
function fit(name, sizes, given) {
  const known = {};
  sizes.forEach((size, i) => {
    if (/^[a-z]+$/.test(size) && !(given[i] instanceof Block)) known[size] = Number(given[i]);
  });
  sizes.forEach((size, i) => {
    if (/^[a-z]+$/i.test(size) && given[i] instanceof Block) known[size] ??= given[i].length;
  });
  const value = (term) => (term in known ? known[term] : Number(term));
  sizes.forEach((size, i) => {
    if (!(given[i] instanceof Block)) return;
    const { length } = given[i];
    const exact = /^[a-z]+$/i.test(size);
    if (size === "_") return;
    const [first, sign, second] = size.split(/([*+])/);
    const wanted = sign === "*" ? value(first) * value(second) : sign === "+" ? value(first) + value(second) : value(first);
    if (exact ? length !== wanted : !(length >= wanted)) {
      throw new RangeError(`${name}: array ${i} must hold ${exact ? "" : "at least "}${wanted} numbers, got ${length}`);
    }
  });
}

export class Kernels {
  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1 });
    this.free = 64; // the first bytes hold results: a return value at 0, an error at 8
  }

  /**
   * The kernels of a module, each a function of its name.
   * @param {DataView} bytes the module as the Python side sends it
   * @returns {Promise<any>}
   */
  static async load(bytes) {
    const module = await WebAssembly.compile(copy(bytes));
    const kernels = new Kernels();
    const env = { __linear_memory: kernels.memory };
    for (const { name, kind } of WebAssembly.Module.imports(module)) {
      if (kind === "function") env[name] = Math[name];
    }
    const instance = await WebAssembly.instantiate(module, { env });
    const [section] = WebAssembly.Module.customSections(module, "kernels");
    const description = JSON.parse(new TextDecoder().decode(section));
    for (const [name, { parameters, result }] of Object.entries(description)) {
      kernels[name] = kernels.wrap(name, instance.exports[name], parameters, result);
    }
    return kernels;
  }

  array(type, length) {
    if (!(Number.isSafeInteger(length) && length >= 0)) throw new RangeError(`an array cannot hold ${length} numbers`);
    const size = VIEWS[type].BYTES_PER_ELEMENT * length;
    const pointer = this.free;
    this.free = Math.ceil((pointer + size) / 16) * 16;
    const missing = this.free - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return new Block(this.memory, type, pointer, length);
  }

  // A float64 array filled with values.
  floats(values) {
    const block = this.array("float64", values.length);
    block.view.set(values);
    return block;
  }

  wrap(name, compiled, parameters, result) {
    const sizes = SIZES[name].split(" ");
    return (...given) => {
      fit(name, sizes, given);
      /** @type {(number | bigint)[]} */
      const flat = [0, 8];
      parameters.forEach((parameter, i) => {
        const array = /^(\w+)\[1\]$/.exec(parameter);
        if (array) {
          const block = given[i];
          if (block?.type !== array[1]) throw new TypeError(`${name}: argument ${i} must be a ${parameter} array`);
          const [n, item] = [BigInt(block.length), BigInt(block.View.BYTES_PER_ELEMENT)];
          flat.push(0, 0, n, item, block.pointer, n, item);
        } else {
          flat.push(parameter === "int64" ? BigInt(given[i]) : Number(given[i]));
        }
      });
      const status = compiled(...flat);
      if (status !== 0) throw new Error(`${name} failed with status ${status}`);
      const memory = new DataView(this.memory.buffer);
      if (result === "int64") return Number(memory.getBigInt64(0, true));
      if (result === "int32") return memory.getInt32(0, true);
      if (result === "float64") return memory.getFloat64(0, true);
      return undefined;
    };
  }
}
