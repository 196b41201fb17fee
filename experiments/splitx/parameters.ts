/** The parameters of the experiment `splitx`. */
import { z } from "zod";
import { samplingSchema } from "../experiment.ts";

/** Parts that can be left out. */
export const PARTS = ["exits", "overhead", "guests"] as const;

/** See the head of this file. */
export const splitxSchema = samplingSchema.extend({
  parts: z.array(z.enum(PARTS)).min(1).default([...PARTS]).describe("what to find out"),
  trials: z.int().min(10).max(4096).default(400)
    .describe("exits: events of one measurement"),
  workingSet: z.int().min(4096).max(4 * 1024 ** 2).default(256 * 1024)
    .describe("exits: bytes that the guest works on between events"),
  every: z.array(z.int().min(1).max(1e9)).min(1).default([300_000, 100_000, 30_000, 10_000, 3000])
    .describe("overhead: turns of a loop of the guest's between two events"),
  turns: z.int().min(1000).max(1e10).default(6_000_000)
    .describe("overhead: turns in one measurement"),
  guests: z.array(z.int().min(1).max(64)).min(1).default([1, 2, 4])
    .describe("guests: how many one hypervisor core serves at a time"),
  modelledGuests: z.array(z.int().min(1).max(1000)).min(1)
    .default([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32])
    .describe("guests: how many in the model"),
  think: z.int().min(1).max(1e9).default(20_000)
    .describe("guests: turns, and modelled cycles, between two requests of one guest"),
  service: z.int().min(1).max(1e9).default(1000)
    .describe("guests: modelled cycles for which a request has the hypervisor core"),
  milliseconds: z.int().min(1).max(60_000).default(200)
    .describe("guests: how long they run in one measurement"),
});

/** See the head of this file. */
export type SplitxParameters = z.infer<typeof splitxSchema>;
