import { throws } from "node:assert";
import { macOf } from "./mac.ts";
import { checkNeighbours, type Neighbour } from "./neighbours.ts";

const one: Neighbour = { name: "one", network: "lan", mac: macOf(1) };

Deno.test("checkNeighbours() refuses an address twice", () => {
  const other = { ...one, name: "other", mac: macOf(2) };
  checkNeighbours(one, [other]);
  throws(() => checkNeighbours(one, [{ ...other, mac: macOf(1) }]), {
    message: "one and other have the address 02:53:58:00:00:01 on network lan: give each a mac of" +
      " its own",
  });
});

Deno.test("checkNeighbours() lets machines of other networks, and of none, be", () => {
  checkNeighbours(one, [{ ...one, network: "wan" }, { ...one, network: undefined }]);
  checkNeighbours({ ...one, network: undefined }, [one]);
});
