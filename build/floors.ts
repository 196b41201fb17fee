/**
 * The floors of the project: a file imports from its own folder and from the floors below it, never
 * from above. Run alone it lists every import that goes up, and every circle.
 */
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));

/** From the top down; a folder may import those that stand behind it in its own list. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  tests: [
    ...["bench", "cli", "lab", "ui", "experiments", "runtime", "hypercalls", "cores", "build"],
    "errors.ts",
  ],
  examples: ["runtime"],
  cli: ["bench", "lab", "ui", "experiments", "runtime", "cores", "build", "errors.ts"],
  ui: [],
  lab: ["build", "errors.ts"],
  experiments: ["runtime", "cores", "build", "errors.ts"],
  bench: ["runtime", "cores", "build", "errors.ts"],
  runtime: ["hypercalls", "cores", "build", "errors.ts"],
  hypercalls: ["cores"],
  cores: ["errors.ts"],
  build: ["errors.ts"],
  "errors.ts": [],
};

/** The dashboard runs in a browser: of the API it has the client, which imports nothing of ours. */
const FOR_BROWSERS = join(PROJECT, "runtime/api/client.ts");

/** Unit tests may build what they need. */
const FOR_UNIT_TESTS = ["build", "errors.ts"];

function sourcesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return sourcesIn(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = Deno.readTextFileSync(file).replace(/\/\*[\s\S]*?\*\//g, "");
  return [...text.matchAll(/^(?:import|export)\b[^;"]*?"(\.[^"]+)";/gm)]
    .map((match) => normalize(join(dirname(file), match[1]!)));
}

function circleFrom(start: string, graph: ReadonlyMap<string, string[]>): string[] | undefined {
  const path: string[] = [], done = new Set<string>();
  const walk = (file: string): boolean => {
    if (path.includes(file)) return path.push(file) > 0;
    if (done.has(file)) return false;
    path.push(file);
    if ((graph.get(file) ?? []).some(walk)) return true;
    path.pop();
    done.add(file);
    return false;
  };
  return walk(start) ? path : undefined;
}

/**
 * Every import that is not allowed.
 *
 * @returns one line for each; empty when the house is in order
 */
export function misplacedImports(): string[] {
  const files = Object.keys(FLOORS).flatMap((floor) =>
    floor.endsWith(".ts") ? [join(PROJECT, floor)] : sourcesIn(join(PROJECT, floor))
  );
  const graph = new Map(files.map((file) => [file, importsOf(file)]));
  const floorOf = (file: string) => relative(PROJECT, file).split("/")[0]!;
  const lines: string[] = [];
  for (const [file, imports] of graph) {
    const floor = floorOf(file);
    const allowed = [
      floor,
      ...FLOORS[floor]!,
      ...(file.endsWith("_test.ts") ? FOR_UNIT_TESTS : []),
    ];
    for (const other of imports) {
      if (allowed.includes(floorOf(other))) continue;
      if (floor === "ui" && other === FOR_BROWSERS) continue;
      lines.push(`${relative(PROJECT, file)} imports ${relative(PROJECT, other)}: up the floors`);
    }
  }
  for (const file of files) {
    const circle = circleFrom(file, graph);
    if (!circle) continue;
    lines.push(`a circle: ${circle.map((one) => relative(PROJECT, one)).join(" -> ")}`);
    break;
  }
  return lines;
}

if (import.meta.main) {
  const lines = misplacedImports();
  for (const line of lines) console.error(line);
  Deno.exit(lines.length === 0 ? 0 : 1);
}
