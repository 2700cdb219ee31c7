// Draws `<div data-chart><script type="application/json">…</script></div>`.
// The JSON: { type: "bar" | "stacked" | "line" | "scatter", categories: string[], unit?: string,
//             horizontal?: true for long category names,
//             series: [{ name, values: (number | null)[], kind?: "general" | "professional" | "pending" }],
//             points of a scatter: [{ name, x, y }] in its series, the axis below called `across`,
//             mark?: { name, value } }            — a table with the same numbers belongs beside it.
import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, TooltipComponent, MarkLineComponent, AriaComponent, SVGRenderer]);

interface Point { name: string; x: number; y: number }
interface Series { name: string; values: (number | null)[]; kind?: string; points?: Point[]; area?: true }
interface Plot {
  type: "bar" | "stacked" | "line" | "scatter";
  categories: string[];
  unit?: string;
  across?: string;
  horizontal?: boolean;
  series: Series[];
  mark?: { name: string; value: number };
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function option(plot: Plot): Record<string, unknown> {
  const ink = token("--ink-2");
  const line = token("--line");
  const palette = ["--chart-1", "--chart-2", "--chart-3", "--chart-4"].map(token);
  const colours: Record<string, string> = {
    professional: palette[0]!, general: palette[1]!, pending: palette[3]!,
  };
  const category = { type: "category", data: plot.categories, inverse: plot.horizontal, axisLabel: { color: ink, interval: plot.horizontal ? 0 : undefined }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false } };
  const value = { type: "value", name: plot.unit, minInterval: 1, nameTextStyle: { color: ink, align: "left" }, axisLabel: { color: ink }, splitLine: { lineStyle: { color: line } } };
  const scattered = plot.type === "scatter";
  const axis = { ...value, minInterval: undefined };
  const mark = plot.horizontal ? "xAxis" : "yAxis";
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce), print").matches,
    aria: { enabled: true },
    color: palette,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
    grid: { left: 8, right: plot.unit && plot.horizontal ? 44 : 16, top: plot.unit && !plot.horizontal ? 64 : 44, bottom: scattered ? 32 : 8, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: ink }, itemGap: 16 },
    // Rendered as text in the plot: the default HTML tooltip would need inline styles.
    tooltip: {
      trigger: scattered ? "item" : "axis", renderMode: "richText", axisPointer: { type: "shadow" },
      backgroundColor: token("--surface"), borderColor: line, textStyle: { color: token("--ink") },
    },
    xAxis: scattered
      ? { ...axis, name: plot.across, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: ink }, min: 0, max: 1 }
      : plot.horizontal ? value : category,
    yAxis: scattered ? { ...axis, min: (extent: { min: number }) => Math.min(0, Math.floor(extent.min * 10) / 10), max: 1 } : plot.horizontal ? category : value,
    series: plot.series.map((series, index) => ({
      name: series.name,
      type: plot.type === "line" || scattered ? plot.type : "bar",
      showSymbol: plot.categories.length < 60,
      stack: plot.type === "stacked" ? "all" : undefined,
      data: series.points?.map(({ name, x, y }) => ({ name, value: [x, y] })) ?? series.values,
      symbolSize: scattered ? 12 : undefined,
      barMaxWidth: 28,
      areaStyle: series.area ? { opacity: 0.18 } : undefined,
      itemStyle: { color: colours[series.kind ?? ""] ?? palette[index % palette.length] },
      markLine: index === 0 && plot.mark
        ? { symbol: "none", data: [{ [mark]: plot.mark.value, name: plot.mark.name }], label: { formatter: `${plot.mark.name} ${plot.mark.value}`, position: "insideEndTop", color: ink, backgroundColor: token("--surface"), padding: [2, 6], borderRadius: 4 }, lineStyle: { color: token("--seal"), type: "dashed" } }
        : undefined,
    })),
  };
}

for (const host of document.querySelectorAll<HTMLElement>("[data-chart]")) {
  const plot = JSON.parse(host.querySelector("script")!.textContent ?? "{}") as Plot;
  const canvas = document.createElement("div");
  canvas.className = "chart__canvas";
  // Each bar of a long list keeps its name.
  if (plot.horizontal) canvas.style.height = `${Math.max(240, plot.categories.length * 26 + 90)}px`;
  host.append(canvas);
  const chart = init(canvas, undefined, { renderer: "svg" });
  const draw = () => chart.setOption(option(plot), true);
  draw();
  document.addEventListener("themechange", draw);
  matchMedia("print").addEventListener("change", draw); // on paper the theme is light
  new ResizeObserver(() => chart.resize()).observe(canvas);
}
