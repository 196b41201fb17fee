/** Guests and images: what machines can be made of. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { ApiContext, RequestEnv } from "../context.ts";
import type { ImageFolders } from "../image_folders.ts";
import { guestsSchema } from "../schemas.ts";
import { json, REFUSALS } from "./answers.ts";

const getGuests = createRoute({
  method: "get",
  path: "/api/guests",
  operationId: "getGuests",
  summary: "Bundled guests, and the files in the image folders",
  tags: ["guests"],
  responses: { 200: json(guestsSchema, "What machines can be made of"), ...REFUSALS },
});

/** Adds the routes of guests and images. */
export function addGuests(
  app: OpenAPIHono<RequestEnv>,
  { runtime }: ApiContext,
  images: ImageFolders,
): void {
  app.openapi(getGuests, (c) => {
    const micro = runtime.guestNames.map((name) => ({ name, kind: "micro" as const }));
    const bundled = [...micro, { name: "linux", kind: "linux" as const }];
    return c.json({ bundled, folders: images.folders, files: images.list() }, 200);
  });
}
