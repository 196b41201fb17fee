import { ok, strictEqual } from "node:assert";
import { mean } from "simple-statistics";
import { seededRandom } from "../random.ts";
import { simulateQueue } from "./queue_model.ts";

const MODEL = { think: 20_000, service: 1000, trip: 450 };
const latencies = (guests: number) =>
  simulateQueue({ ...MODEL, guests }, 40_000, seededRandom(1, guests));

Deno.test("simulateQueue() lets a guest that is alone never wait for another", () => {
  for (const latency of latencies(1)) ok(Math.abs(latency - 1450) < 1e-6);
});

Deno.test("simulateQueue() keeps to the law of a saturated core", () => {
  // Whoever is served at every moment: N guests go round in N x service, of which they think `think`.
  const guests = 100, expected = guests * MODEL.service - MODEL.think;
  const found = mean([...latencies(guests)].slice(10_000));
  ok(Math.abs(found / expected - 1) < 0.02, `${found} instead of ${expected}`);
});

Deno.test("simulateQueue() keeps to Pollaczek and Khinchine where guests are many and idle", () => {
  // 50 guests that seldom ask are nearly a Poisson stream: mean wait = rho x service / 2 (1 - rho).
  const think = 98_000, guests = 50;
  const rate = guests / (think + 1450), rho = rate * MODEL.service;
  const expected = 1450 + rho * MODEL.service / (2 * (1 - rho));
  const found = mean([...simulateQueue({ ...MODEL, guests, think }, 200_000, seededRandom(3))]);
  ok(Math.abs(found / expected - 1) < 0.03, `${found} instead of ${expected}`);
});

Deno.test("simulateQueue() gives the same latencies for the same seed", () => {
  strictEqual(latencies(7).join(), latencies(7).join());
});
