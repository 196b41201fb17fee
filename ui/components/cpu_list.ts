/** Numbers of cores as people read them: 0, 2 to 5 and 7 are `0, 2-5, 7`. */
export function cpuList(cpus: readonly number[]): string {
  const sorted = [...new Set(cpus)].sort((one, other) => one - other);
  const runs: { first: number; last: number }[] = [];
  for (const cpu of sorted) {
    const run = runs.at(-1);
    if (run && run.last + 1 === cpu) run.last = cpu;
    else runs.push({ first: cpu, last: cpu });
  }
  return runs.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(", ");
}
