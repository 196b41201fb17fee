/** The module of a hypervisor core's worker. */
import { hypervisorLoop } from "../cores/hypervisor_loop.ts";
import { serveWorker } from "./worker.ts";

serveWorker(hypervisorLoop);
