package emulator_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/emulator"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/wire")

// A file in testdata/wire is a conversation with one server: requests, each
// followed by its answer. The name of a request is its method, its path and
// any headers as Name=Value; the name of an answer is its status and the error
// code. The archive's comment may hold a line "options: {…}".
//
// Values that differ from run to run are placeholders in answers, such as
// <uuid:1> for the first UUID of the conversation, and requests may repeat
// them. In requests, <zip:a+b> is a zip of the executable files a and b.
func TestWire(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/wire/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := parseConversation(data)
			got := newConversation(t, want.Comment).replay(want)
			if *update {
				if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, want, got)
		})
	}
}

func parseConversation(data []byte) *txtar.Archive {
	return txtar.Parse(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
}

func compare(t *testing.T, want, got *txtar.Archive) {
	t.Helper()
	if len(got.Files) != len(want.Files) {
		t.Fatalf("%d requests and answers, want %d: a request has no answer, or two", len(got.Files), len(want.Files))
	}
	for i, file := range want.Files {
		if file.Name == notRecorded {
			continue
		}
		if diff := cmp.Diff(file.Name+"\n"+indented(file.Data), got.Files[i].Name+"\n"+indented(got.Files[i].Data)); diff != "" {
			t.Errorf("%s\n%s(-want +got):\n%s", want.Files[i-1].Name, want.Files[i-1].Data, diff)
		}
	}
}

type conversation struct {
	*bench
	hidden       []string          // kinds of values that have placeholders
	placeholders map[string]string // by value
	values       map[string]string // by placeholder
}

func newConversation(t *testing.T, comment []byte) *conversation {
	var options emulator.Options
	for line := range strings.Lines(string(comment)) {
		if text, ok := strings.CutPrefix(line, "options:"); ok {
			if err := json.Unmarshal([]byte(text), &options); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &conversation{newBench(t, options), changing, map[string]string{}, map[string]string{}}
}

// replay sends the requests of a conversation and returns it with the answers.
func (c *conversation) replay(archive *txtar.Archive) *txtar.Archive {
	got := &txtar.Archive{Comment: archive.Comment}
	for _, file := range archive.Files {
		switch {
		case file.Name == wait:
			got.Files = append(got.Files, file)
			pass(updateTime)
		case regexp.MustCompile(`^[A-Z]+ /`).MatchString(file.Name):
			got.Files = append(got.Files, file, c.send(file))
		}
	}
	return got
}

func (c *conversation) send(request txtar.File) (answer txtar.File) {
	words := strings.Fields(c.fill(request.Name))
	s := signed{method: words[0], path: words[1], body: strings.TrimSuffix(c.fill(string(request.Data)), "\n"), header: map[string]string{}}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		s.header[name] = value
	}
	if s.path == "/" {
		s.service = "sts"
		if s.header["X-Amz-Target"] != "" {
			s.service = "monitoring"
		}
	}
	if s.header["X-Amz-Content-Sha256"] != "" {
		s.service = "s3"
	}
	response := s.do(c, c.bench)
	code := response.Header.Get("X-Amzn-ErrorType")
	if query := response.Header.Get("X-Amzn-Query-Error"); query != "" {
		code = query
	}
	answer.Name = strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", code))
	if answer.Data = []byte(c.hide(headers(response.Header) + canonical(bodyOf(c, response)))); len(answer.Data) > 0 {
		answer.Data = append(answer.Data, '\n')
	}
	return answer
}

// headers returns the headers that say something about the operation.
func headers(h http.Header) string {
	var lines []string
	for name, values := range h {
		line := name + ": " + strings.Join(values, ", ") + "\n"
		switch {
		case slices.Contains([]string{"Date", "Content-Length", "Last-Modified", "X-Amz-Request-Id", "X-Amzn-Requestid", "X-Amzn-Errortype", "X-Amzn-Query-Error", "X-Amzn-Trace-Id"}, name):
		case line != "Content-Type: application/json\n":
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "") + "\n"
}

// canonical sorts the members of JSON.
func canonical(body string) string {
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return body
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.Encode(v)
	return strings.TrimSuffix(out.String(), "\n")
}

// indented makes differences between answers readable.
func indented(answer []byte) string {
	var out bytes.Buffer
	header, body, ok := bytes.Cut(answer, []byte("\n\n"))
	if !ok {
		header, body = nil, answer
	}
	if json.Indent(&out, body, "", "  ") != nil {
		return string(answer)
	}
	return string(header) + "\n\n" + out.String()
}

// kinds of values, by their patterns. Where a pattern has a group, the group is the
// value.
var kinds = map[string]*regexp.Regexp{
	"location":    regexp.MustCompile(`http://(?:127\.0\.0\.1:\d+|emulator)/[\w/]+`),
	"marker":      regexp.MustCompile(`"Next(?:Marker|Token)":"([^"]+)"`),
	"uuid":        regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`),
	"time":        regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+\+0000`),
	"seconds":     regexp.MustCompile(`"LastModified":([0-9.]+)`),
	"user":        regexp.MustCompile(`AIDA[A-Z2-7]{16}`),
	"code-sha256": regexp.MustCompile(`"CodeSha256":"([^"]+)"`),
	"size":        regexp.MustCompile(`"CodeSize":(\d+)`),
	"runtime":     regexp.MustCompile(`runtime:([0-9a-f]{64})`),
}

// changing are the kinds that differ from run to run.
var changing = []string{"location", "marker", "uuid", "time", "seconds", "user"}

// hide puts placeholders in place of values. Times and sizes have one, as some are
// equal by chance.
func (c *conversation) hide(text string) string {
	for _, kind := range c.hidden {
		for _, match := range kinds[kind].FindAllStringSubmatch(text, -1) {
			value := match[len(match)-1]
			placeholder, known := c.placeholders[value]
			if !known {
				placeholder = "<" + kind + ">"
				if kind != "time" && kind != "seconds" && kind != "size" {
					placeholder = fmt.Sprintf("<%s:%d>", kind, c.count(kind)+1)
				}
				c.placeholders[value], c.values[placeholder] = placeholder, value
			}
			text = strings.Replace(text, value, placeholder, 1)
		}
	}
	return text
}

func (c *conversation) count(kind string) (n int) {
	for placeholder := range c.values {
		if strings.HasPrefix(placeholder, "<"+kind+":") {
			n++
		}
	}
	return n
}

// fill puts values in place of placeholders.
func (c *conversation) fill(text string) string {
	return regexp.MustCompile(`<(\w+):([^>]+)>`).ReplaceAllStringFunc(text, func(placeholder string) string {
		names, ok := strings.CutPrefix(strings.TrimSuffix(placeholder, ">"), "<zip:")
		if !ok {
			value, known := c.values[placeholder]
			if !known {
				c.Fatalf("nothing has been answered for %s", placeholder)
			}
			return value
		}
		var files []file
		for name := range strings.SplitSeq(names, "+") {
			files = append(files, file{name, 0o755, []byte("#!/bin/sh\n")})
		}
		return base64.StdEncoding.EncodeToString(makeZip(c, files...))
	})
}
