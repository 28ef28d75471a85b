package timeline

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

const (
	alice = "a11ce000000000000000000000000000"
	bob   = "b0b00000000000000000000000000000"
)

func at(minutes float64) time.Time { return now.Add(time.Duration(minutes * float64(time.Minute))) }

func page(t *testing.T, r Report) string {
	t.Helper()
	r.Clone, r.Arbiter, r.Now = "/src/game", "the remote origin", now
	var b strings.Builder
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	if out := os.Getenv("TIMELINE_OUT"); out != "" {
		if err := os.WriteFile(out+"/"+strings.ReplaceAll(t.Name(), "/", "-")+".html", []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// element is one element of a page.
type element struct {
	name, text string
	attr       map[string]string
	within     strings.Builder
}

// parse reads the elements of a page, each with the text in it and in those
// within.
func parse(t *testing.T, page string) (all []*element) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "th", "td"}, xml.HTMLEntity
	var open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			all, open = append(all, e), append(open, e)
		case xml.EndElement:
			e := open[len(open)-1]
			e.text, open = e.within.String(), open[:len(open)-1]
		case xml.CharData:
			for _, e := range open {
				e.within.Write(token)
			}
		}
	}
}

// find returns the texts of the elements of a name that have a text in them.
func find(all []*element, name, text string) (found []string) {
	for _, e := range all {
		if e.name == name && strings.Contains(e.text, text) {
			found = append(found, e.text)
		}
	}
	return found
}

func TestPage(t *testing.T) {
	t.Parallel()
	all := parse(t, page(t, Report{
		AsOf: at(-1),
		Held: []Hold{{Actor: bob, Label: "bob", Resource: "path:src/", Nonce: "2", Reason: "refactoring", Since: at(-20), Expires: at(20), Mine: true}},
		Events: []Event{
			{Time: at(-90), Event: "granted", Actor: alice, Label: "alice", Resource: "path:src/", Nonce: "1", Expires: at(-75)},
			{Time: at(-80), Event: "renewed", Actor: alice, Resource: "path:src/", Nonce: "1", Expires: at(-30)},
			{Time: at(-60), Event: "refused", Actor: bob, Label: "bob", Resource: "path:src/", Other: alice},
			{Time: at(-59), Event: "waiting", Actor: bob, Resource: "path:src/", Other: alice},
			{Time: at(-58), Event: "granted", Actor: bob, Resource: "path:src/", Nonce: "2", Other: alice, Reason: "refactoring"},
			{Time: at(-58), Event: "expired", Actor: alice, Resource: "path:src/", Nonce: "1"},
			{Time: at(-50), Event: "granted", Actor: alice, Resource: "path:doc/", Nonce: "3"},
			{Time: at(-40), Event: "broken", Actor: bob, Resource: "path:doc/", Nonce: "3", Other: alice, Reason: "gone home"},
			{Time: at(-30), Event: "lost", Actor: alice, Resource: "issue:7", Nonce: "4", Other: bob},
			{Time: at(-20), Event: "granted", Actor: alice, Resource: "issue:8", Nonce: "5", Expires: at(-5)},
		},
	}))
	for name, texts := range map[string][]string{
		"h1":    {"Locks of /src/game"},
		"p":     {"what this clone did and saw", "kept by the remote origin; last asked 2026-03-04 11:59:00 UTC"},
		"title": {"path:src/: alice, 2026-03-04 10:30:00 to 11:02:00 UTC, expired", "path:src/: bob, 2026-03-04 11:02:00 to 12:00:00 UTC, held: refactoring", "bob waited for path:src/, 2026-03-04 11:00:00 to 11:02:00 UTC", "path:doc/: alice, 2026-03-04 11:10:00 to 11:20:00 UTC, broken", "issue:8: alice, 2026-03-04 11:40:00 to 11:55:00 UTC, end not seen"},
		"li":    {"bob was refused path:src/, held by alice", "bob took over path:src/ from alice", "bob broke the lock of alice on path:doc/, 2026-03-04 11:20:00 UTC: gone home", "alice lost issue:7 to bob"},
		"tr":    {"path:src/bob (you)2026-03-04 11:40:00 UTC2026-03-04 12:20:00 UTC 20mrefactoring"},
	} {
		for _, text := range texts {
			if len(find(all, name, text)) == 0 {
				t.Errorf("no <%s> has %q, but %q", name, text, find(all, name, ""))
			}
		}
	}
	rows, bars := find(all, "span", ""), 0
	for _, e := range all {
		if e.name == "rect" && regexp.MustCompile(`^c\d$`).MatchString(e.attr["class"]) {
			bars++
		}
	}
	// Four leases in two charts and one in the legend; four resources, two
	// holders, two axes and six spans of the legend.
	if bars != 4*2+1 || len(rows) != 4+2+2+6 {
		t.Errorf("%d bars, rows %q", bars, rows)
	}
}

// TestEscapes has markup, quotes and invisible characters wherever others may
// write them.
func TestEscapes(t *testing.T) {
	t.Parallel()
	evil := "\"'><script>alert(1)</script><img src=x onerror=a>&amp;\x1b[31m\u202e\x00\xff"
	html := page(t, Report{
		Held: []Hold{{Actor: evil, Label: evil, Resource: evil, Reason: evil, Since: at(-5), Expires: at(5)}},
		Events: []Event{
			{Time: at(-9), Event: "refused", Actor: evil, Label: evil, Resource: evil, Other: evil, OtherLabel: evil, Reason: evil},
			{Time: at(-8), Event: "granted", Actor: evil, Resource: evil, Nonce: evil, Other: evil + "2", Reason: evil},
			{Time: at(-7), Event: "broken", Actor: evil, Resource: evil, Nonce: evil, Other: evil, Reason: evil},
			{Time: at(-6), Event: evil, Actor: evil},
		},
	})
	for _, e := range parse(t, html) {
		if e.name == "script" || e.name == "img" || e.attr["onerror"] != "" {
			t.Errorf("<%s %v>", e.name, e.attr)
		}
	}
	for _, raw := range []string{"\x1b", "\x00", "\u202e", "\xff", "<img"} {
		if strings.Contains(html, raw) {
			t.Errorf("%q is not escaped", raw)
		}
	}
	if !strings.Contains(html, "&lt;script&gt;") {
		t.Error("it is not shown either")
	}
}

// TestNeedsNothing allows no address but those within the page.
func TestNeedsNothing(t *testing.T) {
	t.Parallel()
	html := page(t, Report{Held: []Hold{{Actor: alice, Label: "alice", Resource: "path:a", Since: at(-1), Expires: at(14)}}})
	for _, e := range parse(t, html) {
		if href := e.attr["href"]; e.attr["src"] != "" || href != "" && href[0] != '#' || e.name == "link" || e.name == "script" {
			t.Errorf("<%s %v>", e.name, e.attr)
		}
	}
	if strings.Contains(html, "url(") || strings.Contains(html, "@import") || !strings.Contains(html, "prefers-color-scheme:dark") || !strings.Contains(html, "@media print") {
		t.Error("style")
	}
}

func TestNothingYet(t *testing.T) {
	t.Parallel()
	all := parse(t, page(t, Report{}))
	if len(find(all, "p", "No active locks")) != 1 || len(find(all, "p", "Nothing has happened here yet")) != 1 {
		t.Errorf("%q", find(all, "p", ""))
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	events := []Event{
		{Time: at(-90), Event: "granted", Actor: alice, Label: "alice", Resource: "path:old", Nonce: "1"},
		{Time: at(-80), Event: "released", Actor: alice, Resource: "path:old", Nonce: "1"},
		{Time: at(-10), Event: "granted", Actor: alice, Resource: "path:new", Nonce: "2"},
		{Time: at(5), Event: "granted", Actor: alice, Resource: "path:future", Nonce: "3"},
	}
	html := page(t, Report{Since: at(-30), Events: events})
	if strings.Contains(html, "path:old") || strings.Contains(html, "path:future") || !strings.Contains(html, "path:new") {
		t.Error("shows the wrong events")
	}
}

// journal makes n events in many ways.
func journal(n int) (events []Event) {
	for i := 0; len(events) < n; i++ {
		start := at(-float64(n) + float64(i)*2)
		e := Event{Time: start, Actor: fmt.Sprintf("%08x000000000000000000000000", i%23), Label: fmt.Sprintf("user%d@example.com", i%23), Nonce: fmt.Sprint(i),
			Resource: fmt.Sprintf("path:assets/level%d/%s.psd", i%97, strings.Repeat("name", i%5+1)), Reason: []string{"", "painting the sky", "a long reason: " + strings.Repeat("why ", 40)}[i%3]}
		if i%5 == 0 {
			r := e
			r.Event, r.Other, r.OtherLabel, r.Time = "refused", alice, "alice", start.Add(-time.Minute)
			events = append(events, r)
		}
		e.Event = "granted"
		if i%17 == 0 {
			e.Other, e.OtherLabel = bob, "bob"
		}
		events = append(events, e)
		e.Other, e.Event, e.Time = "", []string{"released", "expired", "broken", "lost", "released"}[i%5], start.Add(time.Duration(5+i%90)*time.Minute)
		events = append(events, e)
	}
	return events
}

func TestSize(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü&", 2000)
	var many, wide []Event
	for i := range 5000 { // each a lease of its own, on a resource of its own or all on one, with the longest names
		e := Event{Time: at(float64(i - 5000)), Event: "granted", Actor: fmt.Sprintf("%032x", i), Label: long[:200], Resource: "path:" + long, Nonce: fmt.Sprint(i), Reason: long[:200], Expires: at(float64(i-5000) + 0.9)}
		wide = append(wide, e)
		e.Resource = fmt.Sprintf("path:%d%s", i, long)
		many = append(many, e)
	}
	var held []Hold
	for i := range 1000 {
		held = append(held, Hold{Actor: alice, Label: "alice", Resource: fmt.Sprintf("path:%d", i), Expires: at(5)})
	}
	for name, r := range map[string]Report{
		"journal": {Events: journal(5000), Held: []Hold{{Actor: alice, Label: "alice", Resource: "path:assets/", Since: at(-10), Expires: at(5), Mine: true}}},
		"wide":    {Events: wide}, "many": {Events: many}, "held": {Held: held},
	} {
		t.Run(name, func(t *testing.T) {
			html := page(t, r)
			if len(html) > 1<<20 {
				t.Errorf("%d bytes", len(html))
			}
			if name == "many" && !strings.Contains(html, "4850 resources that were used longer ago are not shown") {
				t.Error("does not say what it leaves out")
			}
			parse(t, html)
		})
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for d := time.Minute; d < 5000*24*time.Hour; d = d * 3 / 2 {
		ticks, format := chart{from: now.Add(-d), to: now}.ticks()
		if len(ticks) > 8 || len(ticks) < 1 || format == "" {
			t.Errorf("%s: %d ticks", d, len(ticks))
		}
	}
}
