/** Every input that was kept runs on the soft engine as the stub has it, between guards. */
import { ok, strictEqual } from "node:assert";
import { fileURLToPath } from "node:url";
import { buildFuzzReplay } from "../../build/fuzz.ts";

const CORPUS = fileURLToPath(new URL("corpus/", import.meta.url));
/** Bytes of all inputs. */
const MOST_BYTES = 1 << 20;

Deno.test("the inputs that were kept find nothing", async () => {
  const program = await buildFuzzReplay((line) => console.error(line));
  const paths = [...Deno.readDirSync(CORPUS)].map((entry) => CORPUS + entry.name).sort();
  ok(paths.length > 0);
  ok(paths.reduce((sum, path) => sum + Deno.statSync(path).size, 0) < MOST_BYTES);
  const { success, stdout, stderr } = await new Deno.Command(program, { args: paths }).output();
  const decoder = new TextDecoder();
  ok(success, `the last one of:\n${decoder.decode(stderr)}`);
  strictEqual(decoder.decode(stdout), `${paths.length} inputs\n`);
});
