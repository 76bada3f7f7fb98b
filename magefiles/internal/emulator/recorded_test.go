package emulator_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/emulator"
)

const (
	wait        = "WAIT"         // names a pause in a conversation, of updateTime
	notRecorded = "not recorded" // names an answer that AWS's is not known of
	updateTime  = time.Minute
)

// A file in testdata/recorded is a conversation, as in testdata/wire, with the
// answers that AWS gave to LocalStack's tests. The account, the region, the names
// and the code are this test's, and "Type" is added to errors that are recorded
// without it. There is no flag to rewrite these files: an emulator that answers
// otherwise is wrong.
//
// Requests that AWS answered are repeated here, though not those between them that
// change nothing.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	answers := 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := parseConversation(data)
		for _, file := range want.Files {
			if file.Name[0] >= '1' && file.Name[0] <= '9' {
				answers++
			}
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			inBubble(t, emulator.Options{UpdateTime: updateTime}, func(b *bench) {
				c := &conversation{b, slices.Concat(changing, []string{"code-sha256", "size", "runtime"}), map[string]string{}, map[string]string{}}
				compare(b.T, want, c.replay(want))
			})
		})
	}
	t.Logf("%d answers of AWS in %d conversations", answers, len(files))
}
