/** Lists of CPUs as Linux writes them: `0-3,8,10-11`. */

/**
 * Reads a list.
 *
 * @param text such as `0-3,8`; empty is the empty list
 * @returns CPU numbers in ascending order
 * @throws SyntaxError when the text is no such list
 *
 * @example
 * ```ts
 * import { parseCpuList } from "./cpu_list.ts";
 * import { deepStrictEqual } from "node:assert";
 * deepStrictEqual(parseCpuList("0-2,5\n"), [0, 1, 2, 5]);
 * ```
 */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>();
  for (const part of text.trim().split(",")) {
    if (part === "") continue;
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) throw new SyntaxError(`"${part}" is no CPU or range of CPUs`);
    const first = Number(match[1]), last = Number(match[2] ?? match[1]);
    if (last < first || last > 8191) throw new SyntaxError(`"${part}" is no range of CPUs`);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/**
 * Writes a list.
 *
 * @param cpus CPU numbers in any order
 *
 * @example
 * ```ts
 * import { formatCpuList } from "./cpu_list.ts";
 * import { strictEqual } from "node:assert";
 * strictEqual(formatCpuList([5, 0, 1, 2]), "0-2,5");
 * ```
 */
export function formatCpuList(cpus: readonly number[]): string {
  const sorted = [...new Set(cpus)].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    ranges.push(end > i ? `${sorted[i]}-${sorted[end]}` : `${sorted[i]}`);
    i = end + 1;
  }
  return ranges.join(",");
}
