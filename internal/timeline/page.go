package timeline

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Write writes the page. The error is that of w.
func Write(w io.Writer, r Report) error {
	h := collect(r)
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Locks of %s</title><style>%s</style></head><body>%s
<h1>Locks of %s</h1>
<p class="sub">Made %s. Locks are kept by %s`, text(r.Clone), style, symbols, text(r.Clone), stamp(r.Now), text(r.Arbiter))
	if !r.AsOf.IsZero() {
		fmt.Fprintf(&b, "; last asked %s", stamp(r.AsOf))
	}
	b.WriteString(".</p>\n<p class=\"note\">The timelines show what this clone did and saw. What other clones did while this one was not looking is missing.</p>\n")
	held(&b, r)
	if len(h.leases)+len(h.marks)+len(h.waits) == 0 {
		b.WriteString("<h2>Timeline</h2><p>Nothing has happened here yet.</p>\n")
	} else {
		b.WriteString(legend)
		charted(&b, "By resource", "resources", byResource(h, r.Now))
		charted(&b, "By holder", "holders", byHolder(h, r.Now))
		notable(&b, h)
	}
	b.WriteString("</body></html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// maxHeld is how many locks, and maxNotable how many events, are listed.
const (
	maxHeld    = 500
	maxNotable = 50
)

func held(b *strings.Builder, r Report) {
	locks := slices.SortedFunc(slices.Values(r.Held), func(a, b Hold) int { return strings.Compare(a.Resource, b.Resource) })
	fmt.Fprintf(b, "<h2>Held now <small>%d</small></h2>\n", len(locks))
	if len(locks) == 0 {
		b.WriteString("<p>No active locks.</p>\n")
		return
	}
	b.WriteString(`<div class="wide"><table><thead><tr><th>Resource<th>Holder<th>Since<th>Ends<th>Time left<th>Reason</tr></thead><tbody>` + "\n")
	for _, l := range locks[:min(len(locks), maxHeld)] {
		class, you, since := "", "", "not known"
		if l.Mine {
			class, you = ` class="mine"`, ` <b>(you)</b>`
		}
		if !l.Since.IsZero() {
			since = stamp(l.Since)
		}
		left := l.Expires.Sub(r.Now)
		share := 100.0
		if total := l.Expires.Sub(l.Since); !l.Since.IsZero() && total > 0 {
			share = min(100, max(0, 100*float64(left)/float64(total)))
		}
		fmt.Fprintf(b, `<tr%s><td class="r">%s<td>%s%s<td>%s<td>%s<td class="t"><svg width="60" height="8"><rect class="all" width="60"/><rect class="left" width="%.0f"/></svg> %s<td class="r">%s</tr>`+"\n",
			class, text(clip(l.Resource, 200)), text(clip(name(l.Actor, map[string]string{l.Actor: l.Label}), 60)), you, since, stamp(l.Expires), share*0.6, span(left), text(clip(l.Reason, 200)))
	}
	b.WriteString("</tbody></table></div>\n")
	if n := len(locks) - maxHeld; n > 0 {
		fmt.Fprintf(b, "<p>And %d more.</p>\n", n)
	}
}

func charted(b *strings.Builder, title, what string, c chart) {
	fmt.Fprintf(b, `<section><h2>%s <small>%s</small></h2><div class="chart"><svg class="grid" width="100%%" height="100%%">`, title, times(c.from, c.to))
	at, format := c.ticks()
	for _, t := range at {
		fmt.Fprintf(b, `<line x1="%.2f%%" x2="%.2f%%" y2="100%%"/>`, c.percent(t), c.percent(t))
	}
	b.WriteString(`</svg><div class="row axis"><span></span><svg width="100%" height="18">`)
	for _, t := range at {
		p, anchor := c.percent(t), "middle"
		if p < 4 {
			anchor = "start"
		} else if p > 96 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<text x="%.2f%%" y="13" text-anchor="%s">%s</text>`, p, anchor, t.UTC().Format(format))
	}
	b.WriteString("</svg></div>\n")
	for _, r := range c.rows {
		fmt.Fprintf(b, `<div class="row"><span title="%s">%s</span>`, text(clip(r.name, 200)), text(clip(r.name, 28)))
		c.svg(b, r)
		b.WriteString("</div>\n")
	}
	b.WriteString("</div>")
	if c.left > 0 {
		fmt.Fprintf(b, "<p>%d %s that were used longer ago are not shown.</p>", c.left, what)
	}
	b.WriteString("</section>\n")
}

// notable lists refusals, takeovers, breaks and losses, the latest first.
func notable(b *strings.Builder, h history) {
	if len(h.marks) == 0 {
		return
	}
	fmt.Fprintf(b, "<section><h2>Refusals, takeovers, breaks and losses <small>%d</small></h2><ul>\n", len(h.marks))
	for i := len(h.marks) - 1; i >= max(0, len(h.marks)-maxNotable); i-- {
		m := h.marks[i]
		fmt.Fprintf(b, `<li><svg width="14" height="14"><use href="#%s" x="7" y="7"/></svg> %s</li>`+"\n", m.kind, text(m.text()))
	}
	b.WriteString("</ul>")
	if n := len(h.marks) - maxNotable; n > 0 {
		fmt.Fprintf(b, "<p>And %d before them.</p>", n)
	}
	b.WriteString("</section>\n")
}

// text escapes what others wrote: markup, and whatever would not be seen.
func text(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s))
}

// clip shortens a text to n characters, in the middle: the ends of paths differ.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n/2-1]) + "…" + string(r[len(r)-(n-n/2):])
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// times writes from when until when.
func times(from, to time.Time) string {
	if from.UTC().Format(time.DateOnly) == to.UTC().Format(time.DateOnly) {
		return from.UTC().Format("2006-01-02 15:04:05") + " to " + to.UTC().Format("15:04:05 UTC")
	}
	return from.UTC().Format("2006-01-02 15:04:05") + " to " + stamp(to)
}

// span writes how much is left.
func span(d time.Duration) string {
	switch {
	case d <= 0:
		return "ended"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

const symbols = `<svg width="0" height="0" class="defs"><defs>
<g id="takeover"><path d="M0-6 6 5H-6z"/></g><g id="refused"><path d="M-4-4 4 4M4-4-4 4"/></g>
<g id="broken"><path d="M0-6 6 0 0 6-6 0z"/></g><g id="lost"><circle r="4"/></g></defs></svg>`

const legend = `<p class="legend"><span><svg width="26" height="14"><rect class="c0" y="3" width="26"/></svg> a lease</span>
<span><svg width="26" height="14"><rect class="w" y="3" width="26"/></svg> waiting</span>
<span><svg width="14" height="14"><use href="#refused" x="7" y="7"/></svg> refused</span>
<span><svg width="14" height="14"><use href="#takeover" x="7" y="7"/></svg> taken over</span>
<span><svg width="14" height="14"><use href="#broken" x="7" y="7"/></svg> broken</span>
<span><svg width="14" height="14"><use href="#lost" x="7" y="7"/></svg> lost</span></p>
`

const style = `
:root{--bg:#fff;--fg:#1b1f24;--dim:#5b636d;--line:#e3e6ea;--mine:#eef6ee;--left:#2f8f46;--bad:#c62828;--warn:#b35c00;
--c0:#4c78a8;--c1:#3b8f83;--c2:#7a5ba6;--c3:#b0713c;--c4:#5a8f3c;--c5:#a8527a;--c6:#55748f;--c7:#8f7f2d}
@media(prefers-color-scheme:dark){:root{--bg:#15181c;--fg:#e4e7eb;--dim:#9aa4af;--line:#2b3138;--mine:#1c2a20;--left:#5cc178;--bad:#ff7b72;--warn:#ffb45c;
--c0:#6ea2d8;--c1:#5bbdae;--c2:#a98bd6;--c3:#d99a63;--c4:#86bd66;--c5:#d880a8;--c6:#86a6c2;--c7:#c2b052}}
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#ccc;--mine:#f2f2f2}.row,tr,li{break-inside:avoid}h2{break-after:avoid}body{margin:0!important}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
*{box-sizing:border-box}body{background:var(--bg);color:var(--fg);font:14px/1.45 system-ui,sans-serif;margin:24px auto;max-width:1200px;padding:0 16px}
h1{font-size:20px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:16px;margin:28px 0 8px}small{color:var(--dim);font-weight:400;font-size:13px}p{margin:4px 0}.sub,.note{color:var(--dim)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--dim);font-weight:500}th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
td.r{white-space:normal;overflow-wrap:anywhere;min-width:120px}tr.mine td{background:var(--mine)}.t rect{height:8px}.all{fill:var(--line)}.left{fill:var(--left)}
.chart{position:relative}.grid{position:absolute;left:230px;width:calc(100% - 230px);pointer-events:none}.grid line{stroke:var(--line)}
.row{position:relative;display:grid;grid-template-columns:220px minmax(0,1fr);column-gap:10px;align-items:center;border-top:1px solid var(--line)}.axis{border:0}
.row span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.row svg{display:block;overflow:visible}.axis text{fill:var(--dim);font-size:12px}
.row rect{height:8px;rx:2px}.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin-top:24px;color:var(--dim)}.legend svg,li svg{vertical-align:-2px;overflow:visible}.legend rect{height:8px;rx:2px}
ul{list-style:none;padding:0;margin:0}li{padding:3px 0;overflow-wrap:anywhere}.defs{position:absolute}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.c6{fill:var(--c6)}.c7{fill:var(--c7)}
.w{fill:none;stroke:var(--dim);stroke-dasharray:3 2}#takeover path{fill:var(--warn);stroke:var(--bg)}#refused path{stroke:var(--bad);stroke-width:2;fill:none}
#broken path{fill:var(--bad);stroke:var(--bg)}#lost circle{fill:none;stroke:var(--bad);stroke-width:2}
@media(max-width:700px){.row{grid-template-columns:110px minmax(0,1fr)}.grid{left:120px;width:calc(100% - 120px)}}
`
