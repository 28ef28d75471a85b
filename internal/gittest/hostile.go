package gittest

import (
	"fmt"
	"strings"
	"time"
)

// Hostile are the kinds of records that somebody who may push could publish to stop,
// stall or blind others: each makes the ith one, its ref and lock.json. victim is
// the owner in whose name some are.
func Hostile(victim string) map[string]func(i int) (ref, lockJSON string) {
	record := func(resource string, fields string) (string, string) {
		return LockRef(resource), fmt.Sprintf(`{"owner":"%032d","nonce":"n","expires_unix_ms":%d,"resource":%q%s}`,
			7, time.Now().Add(time.Hour).UnixMilli(), resource, fields)
	}
	large := strings.Repeat("0", 80<<20)
	return map[string]func(i int) (string, string){
		"patterns": func(i int) (string, string) {
			return record("path:"+strings.Repeat("**/", 640)+fmt.Sprintf("q%d*x", i), "")
		},
		"patterns of alternatives": func(i int) (string, string) {
			return record(fmt.Sprintf("path:%s{a,b,c,d,e%d}%s", strings.Repeat("**/?", 100), i, strings.Repeat("*[a-y]", 30)), "")
		},
		"tombstones": func(i int) (string, string) {
			ref, text := record(fmt.Sprintf("path:t%d", i), fmt.Sprintf(`,"acquired_unix_ms":%d,"broken_owner":%q,"broken_nonce":"b%d","reason":"r"`, time.Now().UnixMilli(), victim, i))
			at := strings.Index(text, `"expires_unix_ms":`) + len(`"expires_unix_ms":`)
			return ref, text[:at] + "0" + text[at+len("1234567890123"):]
		},
		"large files": func(i int) (string, string) { return LockRef(fmt.Sprintf("path:l%d", i)), large },
		"damaged":     func(i int) (string, string) { return LockRef(fmt.Sprintf("path:d%d", i)), fmt.Sprintf("no JSON %d", i) },
		"forged": func(i int) (string, string) {
			ref, text := record(fmt.Sprintf("path:free/f%d", i), "")
			return ref, strings.Replace(text, fmt.Sprintf("%032d", 7), victim, 1)
		},
		"refs in the way": func(i int) (string, string) {
			return []string{LockRef(fmt.Sprintf("path:free/%d", i)) + "/x", fmt.Sprintf("refs/grite/locks/x%d", i)}[i%2], fmt.Sprint(i)
		},
		"long fields": func(i int) (string, string) {
			field := []string{"reason", "label", "x"}[i%3]
			return record(fmt.Sprintf("path:f%d", i), fmt.Sprintf(`,%q:%q`, field, strings.Repeat("f", []int{60 << 10, 15 << 10}[i%2])))
		},
	}
}

// Stream is the input of git fast-import for records: lock.json by ref.
func Stream(lockJSON map[string]string) string {
	var blobs, commits strings.Builder
	marks := map[string]int{}
	for ref, text := range lockJSON {
		if marks[text] == 0 {
			marks[text] = len(marks) + 1
			fmt.Fprintf(&blobs, "blob\nmark :%d\ndata %d\n%s\n", marks[text], len(text), text)
		}
		fmt.Fprintf(&commits, "commit %s\ncommitter a <a> 0 +0000\ndata %d\n%s\nM 100644 :%d lock.json\n", ref, len(ref), ref, marks[text])
	}
	return blobs.String() + commits.String()
}
