import { deepStrictEqual, strictEqual } from "node:assert";
import { Addresses, ADDRESSES_WORDS } from "./addresses.ts";

/** The same addresses as the core of the port sees them, and as another one does. */
function twoCores() {
  const words = new Int32Array(new SharedArrayBuffer(4 * ADDRESSES_WORDS));
  return { words, own: new Addresses(words), other: new Addresses(words) };
}

Deno.test("the last eight addresses are known on every core, and nothing else", () => {
  const { own, other } = twoCores();
  strictEqual(other.knows(0, 0), false);
  for (let i = 0; i < 9; i++) own.learn(0x200, i);
  deepStrictEqual([0, 1, 8, 9].map((lo) => other.knows(0x200, lo)), [false, true, true, false]);
  strictEqual(other.knows(0x201, 8), false);
});

Deno.test("any core may have an address forgotten, and only that one", () => {
  const { own, other } = twoCores();
  own.learn(0x200, 1);
  own.learn(0x200, 2);
  other.forget(0x200, 1);
  deepStrictEqual([1, 2].map((lo) => own.knows(0x200, lo)), [false, true]);
  own.learn(0x200, 1);
  strictEqual(other.knows(0x200, 1), true);
});

Deno.test("an address that changes while it is looked at is not known", () => {
  const { words, own, other } = twoCores();
  own.learn(0x200, 1);
  words[2] = 0; // as learn() has it while it writes the halves
  strictEqual(other.knows(0x200, 1), false);
  other.forget(0x200, 1);
  strictEqual(words[2], 0);
});
