import { describe, expect, it } from "vitest";
import { formatView, isNewPlace, parseView, type View } from "../src/url-state.js";

describe("address bar", () => {
  const views: View[] = [
    { tab: "fleet" },
    { tab: "alerts", box: { zoom: 4.5, latitude: 34.1, longitude: -170.25 } },
    {
      tab: "fleet",
      selection: { kind: "container", id: "CSQU3054383" },
      atMs: Date.UTC(2026, 10, 3, 4, 10, 5),
      measure: "humidity",
      box: { zoom: 3, latitude: 0, longitude: 180 },
    },
    {
      tab: "fleet",
      selection: { kind: "container", id: "CSQU3054383" },
      window: { fromMs: Date.UTC(2026, 10, 3), toMs: Date.UTC(2026, 10, 4, 5) },
      follow: true,
      limit: { side: "above", value: -15.5 },
    },
    { tab: "sites", selection: { kind: "link", id: "ship-9321483~singapore" } },
    { tab: "fleet", statuses: ["lost", "door-open"] },
  ];

  it.each(views)("reads back what it wrote: %j", (view) => {
    expect(parseView(formatView(view))).toEqual(view);
  });

  it("is readable", () => {
    expect(formatView(views[2] as View)).toBe(
      "?container=CSQU3054383&at=2026-11-03T04:10:05Z&chart=humidity&map=3/0/180",
    );
    expect(formatView({ tab: "fleet" })).toBe("");
  });

  it.each([
    "?tab=nonsense",
    "?container=%3Cscript%3E",
    "?map=99/0/0",
    "?map=3/0",
    "?map=3/91/0",
    "?at=2026-11-03T04:10:05Z",
    "?window=2026-11-03T04:10:05Z/2026-11-04T04:10:05Z&follow=1&ever=above/1",
    "?chart=<b>",
    "?state=nonsense",
    "?state=fine,lost,unknown,door-open,no-power,out-of-range",
    `?ship=${"9".repeat(200)}`,
  ])("leaves out what it cannot use: %s", (text) => {
    expect(parseView(text)).toEqual({ tab: "fleet" });
  });

  it.each([
    "window=2026-11-04T00:00:00Z/2026-11-03T00:00:00Z",
    "window=x/y",
    "follow=yes",
    "ever=beside/3",
    "ever=above/",
  ])("leaves out of a container's view what it cannot use: %s", (text) => {
    expect(parseView(`?container=CSQU3054383&${text}`)).toEqual({
      tab: "fleet",
      selection: { kind: "container", id: "CSQU3054383" },
    });
  });

  it("keeps moving the map out of the browser's history", () => {
    const view = views[2] as View;
    expect(isNewPlace(view, { ...view, box: { zoom: 5, latitude: 1, longitude: 2 }, atMs: 5 })).toBe(false);
    expect(isNewPlace(view, { ...view, tab: "alerts" })).toBe(true);
    expect(isNewPlace(view, { ...view, selection: { kind: "ship", id: "9321483" } })).toBe(true);
  });
});
