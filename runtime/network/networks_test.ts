import { deepStrictEqual, throws } from "node:assert";
import { CORE_BLOCK_BYTES, CORE_BLOCK_PARKED } from "../../cores/abi.ts";
import type { Stub } from "../../cores/stub.ts";
import { createInbox } from "./inbox.ts";
import { macOf } from "./mac.ts";
import { Networks } from "./networks.ts";
import { TestFrames } from "./test_frames.ts";

const OWN = 1, OTHER = 2;

/** The networks of one core beside another core, which has a block. */
function coreWithNeighbour() {
  const words = new Int32Array(CORE_BLOCK_BYTES / 4), woken: number[] = [];
  const stub = { sx_core_wake: (core: number) => woken.push(core) } as unknown as Stub;
  const networks = new Networks(stub, OWN);
  const block = Deno.UnsafePointer.value(Deno.UnsafePointer.of(words));
  const members = [OWN, OTHER].map((handle, port) => ({
    machine: port,
    port,
    mac: macOf(port),
    inbox: createInbox(),
    core: { handle, block },
  }));
  const place = (machine: number, network: string) =>
    networks.join(machine, 0, 1, { mac: macOf(machine), link: { kind: "switch", name: network } });
  return { words, woken, networks, members, place };
}

Deno.test("a core that sleeps is woken by a frame for it, one that does not is left alone", () => {
  const { words, woken, networks, members, place } = coreWithNeighbour(), frames = new TestFrames();
  networks.update("lan", members);
  const { port } = place(0, "lan");
  const say = (to: number) => port.send(frames.frame([...macOf(to), ...macOf(0), 0, 0]));
  say(1);
  deepStrictEqual(woken, []);
  words[CORE_BLOCK_PARKED] = 1;
  say(0);
  deepStrictEqual(woken, []);
  say(1);
  deepStrictEqual(woken, [OTHER]);
});

Deno.test("a machine has a place only in a network that its core was told of", () => {
  const { networks, members, place } = coreWithNeighbour();
  throws(() => place(0, "lan"), /machine 0 is not in network lan/);
  networks.update("lan", members.slice(1));
  throws(() => place(0, "lan"), /machine 0 is not in this network/);
  networks.update("lan", members);
  place(0, "lan");
  networks.update("lan", []);
  throws(() => place(0, "lan"), /machine 0 is not in network lan/);
});
