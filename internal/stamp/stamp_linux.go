package stamp

import (
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// settling is how old the last change has to be before a stamp may be kept. A second
// change at the same moment would look like the first one otherwise, as with an
// entry of git's index that is racily clean; the clocks of file systems tick some
// hundred times a second.
const settling = 2 * time.Second

// exact are file systems of this machine alone that give a directory new times
// whenever a name in it comes, goes or is given another file.
var exact = []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC}

// Of describes a directory, and a file beside it that is only ever replaced by a
// rename and may be absent. Two equal descriptions mean that between them no name in
// the directory came, went or was given another file, and that the file beside was
// not replaced. It may be kept to be compared with a later one if it is settled. It
// is "" where the system cannot tell.
func Of(now time.Time, dir, beside string) (stamp string, settled bool) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(dir, &fs) != nil || !slices.Contains(exact, int64(fs.Type)) || unix.Stat(dir, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", false
	}
	text, settled := describe(&st, now)
	switch err := unix.Stat(beside, &st); {
	case err == nil:
		more, old := describe(&st, now)
		return string(append(text, more...)), settled && old
	case err != unix.ENOENT:
		return "", false
	}
	return string(text), settled
}

// describe knows a time without a fraction for one of a file system that keeps none.
func describe(st *unix.Stat_t, now time.Time) (text []byte, settled bool) {
	settled = true
	for _, t := range []unix.Timespec{st.Mtim, st.Ctim} {
		text = append(strconv.AppendInt(text, t.Nano(), 10), ' ')
		settled = settled && t.Nsec != 0 && now.Sub(time.Unix(t.Unix())) > settling
	}
	for _, n := range []uint64{uint64(st.Dev), st.Ino, uint64(st.Size)} {
		text = append(strconv.AppendUint(text, n, 10), ' ')
	}
	return text, settled
}
