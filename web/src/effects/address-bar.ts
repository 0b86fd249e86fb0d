import { formatView, isNewPlace, parseView, type View } from "../url-state.js";
import type { App } from "./app.js";

/** Keeps the address bar and the view the same, both ways. */
export function syncAddressBar(app: App, window: Window): void {
  // The browser is going back or forward: the entry is there already, another one would cut off the way.
  let isMoving = false;
  window.addEventListener("popstate", () => {
    const view = parseView(window.location.search);
    // Back and forward change what is selected; they leave the map where it is unless the entry knows better.
    const box = view.box ?? app.store.getState().view.box;
    isMoving = true;
    app.store.dispatch({ type: "view/replaced", view: box ? { ...view, box } : view });
    isMoving = false;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const replace = (): void => {
    timer = undefined;
    write(window, app.store.getState().view, false);
  };
  app.store.subscribe((state, before) => {
    if (state.view === before.view) return;
    if (isNewPlace(before.view, state.view)) {
      // What still waits belongs to the place that is being left.
      if (timer !== undefined && !isMoving) write(window, before.view, false);
      clearTimeout(timer);
      timer = undefined;
      write(window, state.view, !isMoving);
    } else {
      timer ??= setTimeout(replace, REPLACE_EVERY_MS);
    }
  });
}

/** Browsers refuse more than some hundred changes in half a minute; a replay makes sixty in a second. */
const REPLACE_EVERY_MS = 400;

function write(window: Window, view: View, push: boolean): void {
  const search = formatView(view);
  if (search === window.location.search) return;
  // What stands behind `#` opened a shared page: without it a reload would find nothing.
  const url = (search || window.location.pathname) + window.location.hash;
  if (push) window.history.pushState(null, "", url);
  else window.history.replaceState(null, "", url);
}
