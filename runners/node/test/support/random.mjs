// Random input that is the same in every run: a failure can be run again.

export class Random {
  #state;

  constructor(seed) {
    this.#state = seed;
  }

  /** An integer in [0, limit). */
  below(limit) {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 0x1_0000_0000) * limit);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bool() {
    return this.below(2) === 1;
  }

  uint32() {
    return this.pick([0, 1, 127, 128, 300, 0xffff_ffff, this.below(0x1_0000_0000)]);
  }

  int32() {
    return this.uint32() | 0;
  }

  safeInt64() {
    return this.pick([0, -1, 1, 2 ** 31, 2 ** 32, 2 ** 35 + 5, -(2 ** 40), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, Date.UTC(2026, 1, 1)]);
  }

  text() {
    const alphabet = this.pick(['abc-', 'aäÿ', 'a→漢', '🎉x']);
    const characters = [...alphabet];
    return Array.from({ length: this.pick([0, 1, 5, 20, 42, 43, 44, 127, 128, 200]) }, () => this.pick(characters)).join('');
  }

  bytes() {
    return Buffer.from(Array.from({ length: this.pick([0, 1, 100, 127, 128, 20_000]) }, () => this.below(256)));
  }

  list(make, longest = 5) {
    return Array.from({ length: this.below(longest + 1) }, make);
  }
}
