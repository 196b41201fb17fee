import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { moveSteps, type RolePlaces, type Sharing, type Step } from "./role_moves.ts";

function places(housekeeping: number[], hypervisor: number[], guest: number[]): RolePlaces {
  return { housekeeping, hypervisor, guest };
}

const SPLIT: Sharing = { placement: "split", overcommit: false };

function words(steps: readonly Step[]): string[] {
  return steps.map((step) => {
    if ("hold" in step) return `hold ${step.hold}`;
    return `${step.role}${step.vcpu ?? ""} ${step.from}>${step.to}`;
  });
}

Deno.test("moveSteps() is empty when nothing changes", () => {
  deepStrictEqual(moveSteps(places([0, 1], [2], [3]), places([1, 0], [2], [3]), SPLIT), []);
});

Deno.test("moveSteps() moves a role that gets another core beside one that it has twice", () => {
  deepStrictEqual(
    words(moveSteps(places([0, 0], [2], [3]), places([1, 0], [2], [3]), SPLIT)),
    ["housekeeping 0,0>1,0"],
  );
  deepStrictEqual(moveSteps(places([0, 0], [2], [3]), places([0], [2], [3]), SPLIT), []);
});

Deno.test("moveSteps() moves one vCPU to a free core", () => {
  deepStrictEqual(
    words(moveSteps(places([0], [0], [1, 2]), places([0], [0], [1, 3]), SPLIT)),
    ["guest1 2>3"],
  );
});

Deno.test("moveSteps() swaps guest and hypervisor core around a held vCPU", () => {
  deepStrictEqual(
    words(moveSteps(places([0], [0], [1]), places([1], [1], [0]), SPLIT)),
    ["hold 0", "hypervisor 0>1", "housekeeping 0>1", "guest0 1>0"],
  );
});

Deno.test("moveSteps() lets a vCPU go first where the hypervisor takes its core", () => {
  deepStrictEqual(
    words(moveSteps(places([0], [0], [1]), places([0], [1], [2]), SPLIT)),
    ["guest0 1>2", "hypervisor 0>1"],
  );
});

Deno.test("moveSteps() holds nobody for vCPUs that may share", () => {
  const swap = [places([0], [0], [1, 2]), places([0], [0], [2, 1])] as const;
  deepStrictEqual(words(moveSteps(...swap, SPLIT)), ["hold 0", "guest1 2>1", "guest0 1>2"]);
  deepStrictEqual(
    words(moveSteps(...swap, { ...SPLIT, overcommit: true })),
    ["guest0 1>2", "guest1 2>1"],
  );
});

/** Two plans of one machine, each possible. */
const moves = fc.record({
  vcpus: fc.integer({ min: 1, max: 5 }),
  placement: fc.constantFrom("split" as const, "same-core" as const),
  overcommit: fc.boolean(),
}).chain(({ vcpus, placement, overcommit }) => {
  const cores = vcpus + 3;
  const possible = fc.tuple(
    fc.shuffledSubarray(Array.from({ length: cores }, (_, cpu) => cpu), { minLength: cores }),
    fc.array(fc.nat(vcpus), { minLength: vcpus, maxLength: vcpus }),
    fc.boolean(),
  ).map(([order, shared, together]) => {
    const [first, second] = order as [number, number];
    const guests = order.slice(2);
    return places(
      [first],
      placement === "split" ? [together ? first : second] : [],
      shared.map((at, i) => guests[overcommit ? at : i]!),
    );
  });
  return fc.record({
    from: possible,
    to: possible,
    sharing: fc.constant<Sharing>({ placement, overcommit }),
  });
});

Deno.test("moveSteps() gets there, and never lets roles share that must not", () => {
  fc.assert(
    fc.property(moves, ({ from, to, sharing }) => {
      const now = {
        housekeeping: from.housekeeping,
        hypervisor: from.hypervisor,
        guest: [...from.guest],
      };
      const held = new Set<number>();
      const holds: number[] = [];
      for (const step of moveSteps(from, to, sharing)) {
        if ("hold" in step) {
          held.add(step.hold);
          holds.push(step.hold);
        } else if (step.role === "guest") {
          deepStrictEqual(step.from, [now.guest[step.vcpu!]]);
          now.guest[step.vcpu!] = step.to[0]!;
          held.delete(step.vcpu!);
        } else {
          deepStrictEqual(step.from, now[step.role]);
          now[step.role] = step.to;
        }
        const running = now.guest.filter((_, vcpu) => !held.has(vcpu));
        if (!sharing.overcommit) strictEqual(new Set(running).size, running.length);
        if (sharing.placement === "same-core") continue;
        const ours = [...now.housekeeping, ...now.hypervisor];
        ok(!running.some((cpu) => ours.includes(cpu)), `${running} beside ${ours}`);
      }
      deepStrictEqual(now, { ...to, guest: [...to.guest] });
      strictEqual(held.size, 0);
      strictEqual(new Set(holds).size, holds.length, "no vCPU is held twice");
    }),
    { numRuns: 2000 },
  );
});
