package glob

import (
	"fmt"
	"testing"
)

func BenchmarkIndex(b *testing.B) {
	patterns, paths := benchInput()
	for b.Loop() {
		x := NewIndex(patterns, false)
		if _, err := x.Covering(b.Context(), paths); err != nil {
			b.Fatal(err)
		}
	}
}

func benchInput() ([]*Pattern, []string) {
	var ps []*Pattern
	for i := range 10000 {
		s := fmt.Sprintf([]string{"d%d/f%d.go", "d%d/s%d/", "d%d/s%d/**/*.go", "d%d/s%d/*.rs", "**/n%d-%d*.x"}[i%5], i%100, i)
		p, _ := Compile(s)
		ps = append(ps, p)
	}
	var paths []string
	for i := range 100000 {
		paths = append(paths, fmt.Sprintf("d%d/s%d/x%d/f%d.go", i%100, i%997, i%31, i))
	}
	return ps, paths
}

func BenchmarkOverlaps(b *testing.B) {
	patterns, _ := benchInput()
	p, _ := Compile("d1/**/*.md")
	for b.Loop() {
		for _, q := range patterns {
			p.Overlaps(q)
		}
	}
}
