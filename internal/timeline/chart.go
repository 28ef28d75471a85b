package timeline

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Bounds of what one chart draws: a page of 5,000 events stays below a megabyte.
const (
	maxRows  = 150
	maxItems = 1500
	maxLanes = 6
	lane     = 10 // pixels
)

// item is one thing in a row: a bar, a wait or a mark.
type item struct {
	from, to time.Time
	class    string // of a bar or a wait
	mark     string // the symbol of a mark
	title    string
	merged   int // how many it stands for
	lane     int
}

// row is one line of a chart.
type row struct {
	key, name string
	last      time.Time
	items     []item
	lanes     int
}

// chart is a timeline with one row per key.
type chart struct {
	from, to time.Time
	rows     []row
	left     int // rows that are not drawn
}

// byResource and byHolder are the two charts of a page.
func byResource(h history, now time.Time) chart {
	return draw(h, now,
		func(actor, resource string) (key, color string) { return resource, actor },
		func(actor, resource string) string { return resource })
}

func byHolder(h history, now time.Time) chart {
	return draw(h, now,
		func(actor, resource string) (key, color string) { return actor, resource },
		func(actor, resource string) string { return name(actor, h.labels) })
}

func draw(h history, now time.Time, split func(actor, resource string) (key, color string), named func(actor, resource string) string) chart {
	c := chart{from: h.from, to: now}
	if !c.from.Before(c.to) {
		c.from = c.to.Add(-time.Minute)
	}
	rows := map[string]*row{}
	add := func(actor, resource string, it item) {
		key, color := split(actor, resource)
		r := rows[key]
		if r == nil {
			r = &row{key: key, name: named(actor, resource)}
			rows[key] = r
		}
		if it.class == "bar" {
			sum := fnv.New32a()
			sum.Write([]byte(color))
			it.class = fmt.Sprintf("c%d", sum.Sum32()%8)
		}
		it.merged = 1
		r.items = append(r.items, it)
		if it.to.After(r.last) {
			r.last = it.to
		}
	}
	for _, w := range h.waits {
		if w.to.After(w.from) {
			add(w.actor, w.resource, item{from: w.from, to: w.to, class: "w", title: fmt.Sprintf("%s waited for %s, %s", clip(w.label, 60), clip(w.resource, 80), times(w.from, w.to))})
		}
	}
	for _, l := range h.leases {
		title := fmt.Sprintf("%s: %s, %s, %s", clip(l.resource, 80), clip(l.label, 60), times(l.from, l.to), cmp.Or(l.end, "end not seen"))
		if l.reason != "" {
			title += ": " + clip(l.reason, 80)
		}
		add(l.actor, l.resource, item{from: l.from, to: l.to, class: "bar", title: title})
	}
	for _, m := range h.marks {
		add(m.actor, m.resource, item{from: m.at, to: m.at, mark: m.kind, title: m.text()})
	}
	for _, r := range rows {
		c.rows = append(c.rows, *r)
	}
	c.fit()
	return c
}

// text says what a mark stands for.
func (m mark) text() string {
	other := clip(cmp.Or(m.other, "somebody else"), 60)
	var what string
	switch m.kind {
	case "takeover":
		what = "took over " + clip(m.resource, 80) + " from " + other
	case "refused":
		what = "was refused " + clip(m.resource, 80) + ", held by " + other
	case "broken":
		what = "broke the lock of " + other + " on " + clip(m.resource, 80)
	case "lost":
		what = "lost " + clip(m.resource, 80) + " to " + other
	}
	what = clip(m.label, 60) + " " + what + ", " + stamp(m.at)
	if m.reason != "" {
		what += ": " + clip(m.reason, 80)
	}
	return what
}

// fit keeps the rows used last, in the order of their names, and merges what is
// too near to each other to be seen apart until few enough things are left.
func (c *chart) fit() {
	slices.SortFunc(c.rows, func(a, b row) int { return cmp.Or(b.last.Compare(a.last), cmp.Compare(a.key, b.key)) })
	if c.left = max(0, len(c.rows)-maxRows); c.left > 0 {
		c.rows = c.rows[:maxRows]
	}
	slices.SortFunc(c.rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.key, b.key)) })
	total := c.to.Sub(c.from)
	for gap := total / 1000; ; gap *= 2 {
		n := 0
		for i := range c.rows {
			c.rows[i].merge(gap)
			n += len(c.rows[i].items)
		}
		if n <= maxItems || gap > total {
			return
		}
	}
}

// merge puts into lanes what overlaps, and makes one of things of a kind in one
// lane that are less than gap apart.
func (r *row) merge(gap time.Duration) {
	slices.SortStableFunc(r.items, func(a, b item) int { return a.from.Compare(b.from) })
	var ends [maxLanes]time.Time
	var out []item
	last := map[[3]string]int{}
	r.lanes = 1
	for _, it := range r.items {
		it.lane = 0
		if it.mark == "" {
			for it.lane < maxLanes-1 && it.from.Before(ends[it.lane]) {
				it.lane++
			}
		}
		key := [3]string{it.class, it.mark, fmt.Sprint(it.lane)}
		if i, ok := last[key]; ok && it.from.Sub(out[i].to) < gap && (it.mark != "" || out[i].to.Sub(out[i].from) < gap || it.to.Sub(it.from) < gap) {
			out[i].merged += it.merged
			if it.to.After(out[i].to) {
				out[i].to = it.to
			}
			if out[i].mark == "" && out[i].to.After(ends[it.lane]) {
				ends[it.lane] = out[i].to
			}
			continue
		}
		if it.mark == "" {
			ends[it.lane] = it.to
			r.lanes = max(r.lanes, it.lane+1)
		}
		last[key] = len(out)
		out = append(out, it)
	}
	r.items = out
}

// percent is where a moment stands, in hundredths of the width.
func (c chart) percent(t time.Time) float64 {
	p := 100 * float64(t.Sub(c.from)) / float64(c.to.Sub(c.from))
	return min(100, max(0, p))
}

// svg draws a row.
func (c chart) svg(b *strings.Builder, r row) {
	fmt.Fprintf(b, `<svg width="100%%" height="%d">`, r.lanes*lane+8)
	for _, it := range r.items {
		title := it.title
		if it.merged > 1 {
			title = fmt.Sprintf("%d in a row, %s", it.merged, times(it.from, it.to))
		}
		x, y := c.percent(it.from), 4+it.lane*lane
		if it.mark != "" {
			fmt.Fprintf(b, `<use href="#%s" x="%.2f%%" y="%d"><title>%s</title></use>`, it.mark, x, 4+lane/2, text(title))
			continue
		}
		fmt.Fprintf(b, `<rect class="%s" x="%.2f%%" y="%d" width="%.2f%%"><title>%s</title></rect>`, it.class, x, y, max(0.15, c.percent(it.to)-x), text(title))
	}
	b.WriteString("</svg>")
}

// ticks are round moments, at most eight.
func (c chart) ticks() (at []time.Time, format string) {
	steps := []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour}
	total := c.to.Sub(c.from)
	step := steps[len(steps)-1]
	for _, s := range steps {
		if total/s <= 7 {
			step = s
			break
		}
	}
	for total/step > 7 {
		step *= 2
	}
	switch {
	case step < time.Minute:
		format = "15:04:05"
	case total < 24*time.Hour:
		format = "15:04"
	case step < 24*time.Hour:
		format = "Jan 2 15:04"
	default:
		format = "Jan 2"
	}
	for t := c.from.UTC().Truncate(step).Add(step); !t.After(c.to); t = t.Add(step) {
		at = append(at, t)
	}
	return at, format
}
