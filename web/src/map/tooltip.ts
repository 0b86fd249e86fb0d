import type { Hit } from "./canvas-layer.js";

/** Distance between the pointer and the words. */
const OFFSET_PX = 14;

/** A few words beside the pointer. Text only; nothing from the server is ever read as markup. */
export class Tooltip {
  readonly #element = document.createElement("div");

  constructor(readonly host: HTMLElement) {
    this.#element.className = "map-tip";
    this.#element.setAttribute("role", "status");
    this.#element.hidden = true;
    host.append(this.#element);
  }

  show(hit: Hit, x: number, y: number): void {
    this.#element.replaceChildren(
      ...hit.lines.map((line, i) => {
        const row = document.createElement(i === 0 ? "strong" : "span");
        row.textContent = line;
        return row;
      }),
    );
    this.#element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.#element;
    const right = x + OFFSET_PX + width > this.host.clientWidth;
    const below = y - OFFSET_PX - height < 0;
    this.#element.style.left = `${right ? Math.max(4, x - OFFSET_PX - width) : x + OFFSET_PX}px`;
    this.#element.style.top = `${below ? y + OFFSET_PX : y - OFFSET_PX - height}px`;
  }

  hide(): void {
    this.#element.hidden = true;
  }
}
