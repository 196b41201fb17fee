import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { type Listening, parseListen, reachOf } from "./listening.ts";

const TEXTS: readonly (readonly [string, Listening, string])[] = [
  ["8787", { kind: "tcp", hostname: "127.0.0.1", port: 8787 }, "loopback"],
  ["localhost:0", { kind: "tcp", hostname: "localhost", port: 0 }, "loopback"],
  ["[::1]:80", { kind: "tcp", hostname: "::1", port: 80 }, "loopback"],
  ["0.0.0.0:80", { kind: "tcp", hostname: "0.0.0.0", port: 80 }, "network"],
  ["[::]:80", { kind: "tcp", hostname: "::", port: 80 }, "network"],
  ["127.evil.example:80", { kind: "tcp", hostname: "127.evil.example", port: 80 }, "network"],
  ["/run/api.sock", { kind: "unix", path: "/run/api.sock" }, "unix"],
];

for (const [text, listening, reach] of TEXTS) {
  Deno.test(`parseListen() reads ${text}, which is for ${reach}`, () => {
    deepStrictEqual(parseListen(text), listening);
    strictEqual(reachOf(listening), reach);
  });
}

for (const text of ["", "port", "99999", "a:b", ":80", "1.2.3.4", "host:-1"]) {
  Deno.test(`parseListen() refuses ${JSON.stringify(text)}`, () => {
    throws(() => parseListen(text), { code: "bad-listen" });
  });
}
