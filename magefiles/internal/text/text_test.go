package text

import (
	"strings"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 59, 0, time.FixedZone("Tokyo", 9*3600))
	for _, test := range []struct{ got, want string }{
		{Count(0, "function"), "0 functions"},
		{Count(1, "function"), "1 function"},
		{Count(1204, "function"), "1,204 functions"},
		{Count(2, "directory"), "2 directories"},
		{Counts(map[string]int{"b": 2, "a": 1}), "1 a, 2 b"},
		{Counts(nil), "none"},
		{Thousands(999), "999"},
		{Thousands(-123456), "-123,456"},
		{Thousands(int64(1234567)), "1,234,567"},
		{Size(6_400_000), "6.1 MB"},
		{Size(50 << 20), "50.0 MB"},
		{Size(1630 << 20), "1.6 GB"},
		{Bytes(50<<20 + 1), "52,428,801 bytes (50.0 MB)"},
		{Percent(0), "0 %"},
		{Percent(0.0003), "0.03 %"},
		{Percent(0.026), "2.6 %"},
		{Percent(1), "100 %"},
		{Digits(123.4), "123"},
		{Digits(1.2345), "1.23"},
		{Duration(1234567 * time.Nanosecond), "1.23ms"},
		{Duration(961 * time.Microsecond), "961µs"},
		{Duration(250 * time.Second), "4m10s"},
		{Days(0), "today"},
		{Days(1), "in 1 day"},
		{Days(-100), "100 days ago"},
		{Minute(at), "2026-11-24 00:00 UTC"},
		{Soon(at, at.Add(23*time.Hour)), "00:00 UTC"},
		{Soon(at, at.Add(24*time.Hour)), "2026-11-24 00:00 UTC"},
		{Second(at), "2026-11-24 00:00:59 UTC"},
		{Change("a", "a"), "a"},
		{Change("a", "b"), "a → b"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	table := Table{Header: []string{"FUNCTION", "ZIP"}}
	table.Add("example-api", "6.1 MB")
	table.Add("x", "→")
	var plain, markdown strings.Builder
	if err := table.Write(&plain); err != nil {
		t.Fatal(err)
	}
	if want := "FUNCTION     ZIP\nexample-api  6.1 MB\nx            →\n"; plain.String() != want {
		t.Errorf("got\n%swant\n%s", plain.String(), want)
	}
	if err := table.WriteMarkdown(&markdown); err != nil {
		t.Fatal(err)
	}
	if want := "| FUNCTION    | ZIP    |\n| --- | --- |\n| example-api | 6.1 MB |\n| x           | →      |\n"; markdown.String() != want {
		t.Errorf("got\n%swant\n%s", markdown.String(), want)
	}
}
