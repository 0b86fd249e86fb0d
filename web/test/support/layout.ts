import type { Page } from "playwright-core";

/** What lies over the map or beside it, and must neither leave the window nor lie on each other. */
const PARTS = [
  ".panel",
  ".timeline",
  ".top-bar",
  ".banner",
  ".measure-legend",
  ".story",
  ".map-controls",
  ".map-attribution",
] as const;

/**
 * What is wrong with the page as it stands, in words: it is larger than the window; a part leaves it or lies on another;
 * text is cut without a sign of it, or lies on other text; something that can be pressed is covered by something else.
 */
export async function layoutProblems(page: Page): Promise<string[]> {
  return page.evaluate((parts) => {
    const found = new Set<string>();
    /** Text may stick out of its line by its own descent, and pixels are rounded. */
    const [slackX, slackY] = [1, 3];
    const nameOf = (element: Element): string => {
      const own = element.getAttribute("aria-label") ?? element.textContent ?? "";
      return `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> ${own.trim().slice(0, 50)}`;
    };
    const areOnEachOther = (a: DOMRect, b: DOMRect): boolean =>
      a.left + slackX < b.right - slackX &&
      b.left + slackX < a.right - slackX &&
      a.top + slackY < b.bottom - slackY &&
      b.top + slackY < a.bottom - slackY;
    const isInWindow = ({ left, top, right, bottom }: DOMRect): boolean =>
      left >= -slackX && top >= -slackX && right <= innerWidth + slackX && bottom <= innerHeight + slackX;

    const { scrollWidth, scrollHeight } = document.documentElement;
    if (scrollWidth > innerWidth || scrollHeight > innerHeight)
      found.add(`the page is ${scrollWidth} × ${scrollHeight}`);

    // A phone has its timeline in the panel, and its panel over the map.
    const isSheet = document.querySelector(".sheet-handle") !== null;
    const placed = parts
      .flatMap((part) => [...document.querySelectorAll(part)])
      .filter((element) => element.checkVisibility() && element.parentElement?.closest(".panel") === null)
      .map((element) => ({ element, rect: element.getBoundingClientRect() }));
    for (const [i, { element, rect }] of placed.entries()) {
      if (!isInWindow(rect)) found.add(`leaves the window: ${nameOf(element)}`);
      for (const other of placed.slice(i + 1)) {
        if (areOnEachOther(rect, other.rect)) found.add(`${nameOf(element)} lies on ${nameOf(other.element)}`);
      }
    }

    /** The part of a piece of text that is seen; undefined where it is scrolled away. Says when it is simply cut. */
    const seenOf = (element: Element, text: DOMRect): DOMRect | undefined => {
      let { left, top, right, bottom } = text;
      for (let box: Element | null = element; box && box !== document.body; box = box.parentElement) {
        const { overflowX, overflowY, textOverflow } = getComputedStyle(box);
        if (overflowX === "visible" && overflowY === "visible") continue;
        const rect = box.getBoundingClientRect();
        const isCut = left < rect.left - slackX || right > rect.right + slackX;
        if (isCut && overflowX === "hidden" && textOverflow !== "ellipsis") found.add(`is cut: ${nameOf(element)}`);
        [left, right] = [Math.max(left, rect.left), Math.min(right, rect.right)];
        [top, bottom] = [Math.max(top, rect.top), Math.min(bottom, rect.bottom)];
        if (left >= right || top >= bottom) return undefined;
      }
      if (!isInWindow(text) && right > innerWidth + slackX) found.add(`leaves the window: ${nameOf(element)}`);
      return new DOMRect(left, top, right - left, bottom - top);
    };
    const texts: { node: Node; element: Element; root: Element | null; rect: DOMRect }[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!element || (node.textContent ?? "").trim() === "" || !element.checkVisibility()) continue;
      if (element.closest(".hidden, .skip, option, [hidden]")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const text of range.getClientRects()) {
        const rect = seenOf(element, text);
        if (rect) texts.push({ node, element, root: element.closest(parts.join(",")), rect });
      }
    }
    for (const [i, a] of texts.entries()) {
      for (const b of texts.slice(i + 1)) {
        if (a.node === b.node || a.root !== b.root || !areOnEachOther(a.rect, b.rect)) continue;
        found.add(`text on text: ${nameOf(a.element)} and ${nameOf(b.element)}`);
      }
    }

    const scrolled = [...document.querySelectorAll("*")].filter(
      ({ scrollTop, scrollLeft }) => scrollTop + scrollLeft > 0,
    );
    for (const element of document.querySelectorAll<HTMLElement>(
      "button, a[href], input, select, textarea, summary, [tabindex='0']",
    )) {
      const isReachable =
        element.tabIndex >= 0 && element.checkVisibility() && !(element as HTMLButtonElement).disabled;
      // All of the map is never free: its lists and cards lie over it.
      if (!isReachable || element.matches(".map, .skip")) continue;
      element.scrollIntoView({ block: "nearest", inline: "nearest" });
      const { left, top, width, height } = element.getBoundingClientRect();
      const on = document.elementFromPoint(left + width / 2, top + height / 2);
      const isFree = on !== null && (element.contains(on) || on.closest("label")?.contains(element) === true);
      if (!isFree)
        found.add(`is covered: ${nameOf(element)}${on ? ` by ${nameOf(on)}` : ""}${isSheet ? " (sheet)" : ""}`);
    }
    for (const element of document.querySelectorAll("*")) {
      if (!scrolled.includes(element) && element.scrollTop + element.scrollLeft > 0) element.scrollTo(0, 0);
    }
    return [...found];
  }, PARTS);
}
