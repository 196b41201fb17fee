/** Pictures of a page as files. They have their own colours and ground there, not the page's. */

/** Pixels of a PNG for a unit of the picture, each way. */
const SCALE = 2;

function markupOf(picture: SVGSVGElement): string {
  return new XMLSerializer().serializeToString(picture);
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Saves a picture as it is. */
export function saveSvg(picture: SVGSVGElement, file: string): void {
  save(new Blob([markupOf(picture)], { type: "image/svg+xml" }), `${file}.svg`);
}

/** Saves a picture as pixels. */
export async function savePng(picture: SVGSVGElement, file: string): Promise<void> {
  const { width, height } = picture.viewBox.baseVal;
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(markupOf(picture))}`;
  await image.decode();
  const canvas = new OffscreenCanvas(width * SCALE, height * SCALE);
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  save(await canvas.convertToBlob({ type: "image/png" }), `${file}.png`);
}
