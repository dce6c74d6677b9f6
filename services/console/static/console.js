"use strict";
// Charts, the state of the live stream, and keys. Everything else works without scripts.
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const names = { delivered: "Delivered", sent: "Sent, no receipt", unknown: "Unsure", failed: "Failed", dropped: "Dropped", withdrawn: "Withdrawn" };
  const drawn = new Map();

  const axis = (more) => ({ stroke: style("--soft"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui", ...more });

  // Each kind stands on the sum of those below it; bands between neighbours paint the bars.
  function stacked(rows) {
    const sums = [];
    rows.forEach((row, kind) => sums.push(row.map((count, at) => count + (kind ? sums[kind - 1][at] : 0))));
    return sums;
  }

  function outcomes(figure) {
    const data = JSON.parse(figure.dataset.figures);
    let rows = data.rows;
    const bars = uPlot.paths.bars({ size: [0.8, 60, 1], gap: 1 });
    const order = data.kinds.map((_, index) => index).reverse();
    const pick = (values) => [data.times, ...order.map((index) => stacked(values)[index])];
    const plot = new uPlot({
      width: figure.clientWidth, height: 240, tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), figure.dataset.zone),
      padding: [8, 18, 0, 0], cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: { y: { range: (_, low, high) => [0, Math.max(4, Math.ceil(high * 1.1))] } },
      axes: [axis({ values: (_, ticks) => ticks.map((at) => new Intl.DateTimeFormat(undefined, data.step >= 7200 ? { month: "short", day: "numeric", timeZone: figure.dataset.zone } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: figure.dataset.zone }).format(at * 1e3)) }),
        axis({ size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] })],
      series: [{ label: "Time", value: (_, at) => at == null ? "" : new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: figure.dataset.zone }).format(at * 1e3) },
        ...order.map((index) => ({ label: names[data.kinds[index]], fill: style("--c-" + data.kinds[index]), width: 0, paths: bars, points: { show: false },
          value: (_, sum, __, at) => at == null ? "" : String(rows[index][at]) }))],
    }, pick(rows), figure);
    return { plot, update(text) { const next = JSON.parse(text); rows = next.rows; data.times = next.times; plot.setData(pick(rows)); } };
  }

  // Scores of one patient, a line per instrument; infusions stand as dashed lines behind them.
  function scores(figure) {
    const data = JSON.parse(figure.dataset.figures);
    const paints = [style("--accent"), style("--c-unknown"), style("--c-dropped"), style("--c-failed"), style("--c-sent")];
    const spell = (at) => at == null ? "" : new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", year: "numeric", timeZone: figure.dataset.zone }).format(at * 1e3);
    const all = [...data.times, ...data.marks];
    const low = Math.min(...all) - 86400, high = Math.max(...all) + 86400;
    const marks = (plot) => {
      const { ctx, bbox } = plot;
      ctx.save(); ctx.strokeStyle = style("--soft"); ctx.setLineDash([4, 4]); ctx.lineWidth = devicePixelRatio;
      data.marks.forEach((at) => { const x = plot.valToPos(at, "x", true); ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke(); });
      ctx.restore();
    };
    const plot = new uPlot({ width: figure.clientWidth, height: 280, padding: [10, 18, 0, 0], tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), figure.dataset.zone),
      scales: { x: { range: () => [low, high] }, y: { range: (_, least, most) => [0, Math.max(10, Math.ceil((most ?? 0) * 1.1))] } }, hooks: { drawClear: [marks] },
      axes: [axis({ values: (_, ticks) => ticks.map((at) => new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: figure.dataset.zone }).format(at * 1e3)) }), axis({ size: 44 })],
      series: [{ label: "Day", value: (_, at) => spell(at) }, ...data.kinds.map((kind, index) => ({ label: kind.toUpperCase(), stroke: paints[index % paints.length], width: 2, spanGaps: true, points: { size: 8, show: true } }))],
    }, [data.times, ...data.rows], figure);
    return { plot };
  }

  const kinds = { outcomes, scores };

  function draw() {
    document.querySelectorAll("figure[data-chart]").forEach((figure) => {
      drawn.get(figure)?.plot.destroy();
      drawn.set(figure, kinds[figure.dataset.chart](figure));
    });
  }

  function fit() { drawn.forEach(({ plot }, figure) => plot.setSize({ width: figure.clientWidth, height: plot.height })); }

  function say(text) { const place = document.getElementById("live"); if (place) place.textContent = text; }

  document.addEventListener("DOMContentLoaded", () => {
    draw();
    window.addEventListener("resize", fit);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  });
  say("Connecting…");
  document.addEventListener("figures", (event) => {
    drawn.forEach((chart, figure) => { if (figure.dataset.chart === "outcomes") { figure.dataset.figures = event.detail.data; chart.update(event.detail.data); } });
  });
  document.addEventListener("htmx:sse:after:connection", () => say("● Live"));
  document.addEventListener("htmx:sse:error", (event) => {
    say("○ Connection lost, trying again; the figures are old");
    if (event.detail.status === 401) location.reload();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (event.key === "/") {
      const search = document.getElementById("q");
      if (search) { search.focus(); event.preventDefault(); } else location.assign("/why");
    }
    const link = /^[1-9]$/.test(event.key) && document.querySelectorAll("nav a")[event.key - 1];
    if (link) link.click();
  });
})();
