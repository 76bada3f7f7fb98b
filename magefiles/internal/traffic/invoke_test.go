package traffic

import (
	"strings"
	"testing"
)

func TestProcessed(t *testing.T) {
	batch := []record{{number: "7"}, {number: "8"}, {number: "9"}, {number: "10"}}
	for _, test := range []struct {
		answer string
		want   int
		err    string // "" for none
	}{
		// The batch is a success.
		{`{"batchItemFailures":[]}`, 4, ""},
		{`{"batchItemFailures":null}`, 4, ""},
		{`{}`, 4, ""},
		{`null`, 4, ""},
		{``, 4, ""},
		// The function does not report failures.
		{`"done"`, 4, ""},
		{`[{"itemIdentifier":"8"}]`, 4, ""},
		{`{"BatchItemFailures":[{"itemIdentifier":"8"}]}`, 4, ""},
		// The first failed record counts, in the order of the batch.
		{`{"batchItemFailures":[{"itemIdentifier":"8"}]}`, 1, "record 8 as failed, number 2 in a batch of 4"},
		{`{"batchItemFailures":[{"itemIdentifier":"7"}]}`, 0, "record 7"},
		{`{"batchItemFailures":[{"itemIdentifier":"10"}]}`, 3, "record 10"},
		{`{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"9"},{"itemIdentifier":"10"}]}`, 2, "record 9"},
		// The batch fails.
		{`{"batchItemFailures":[{"itemIdentifier":""}]}`, 0, "without an itemIdentifier"},
		{`{"batchItemFailures":[{"itemIdentifier":null}]}`, 0, "without an itemIdentifier"},
		{`{"batchItemFailures":[{"itemIdentifier":8}]}`, 0, "without an itemIdentifier"},
		{`{"batchItemFailures":[{"ItemIdentifier":"8"}]}`, 0, "without an itemIdentifier"},
		{`{"batchItemFailures":[null]}`, 0, "without an itemIdentifier"},
		{`{"batchItemFailures":[{"itemIdentifier":"9"},{"itemIdentifier":""}]}`, 0, "without an itemIdentifier"},
		{`{"batchItemFailures":[{"itemIdentifier":"11"}]}`, 0, "not in the batch"},
		{`{"batchItemFailures":[{"itemIdentifier":"9"},{"itemIdentifier":"11"}]}`, 0, "not in the batch"},
		{`{"batchItemFailures":"8"}`, 0, "not a list of objects"},
		{`{"batchItemFailures":["8"]}`, 0, "not a list of objects"},
	} {
		n, err := processed([]byte(test.answer), batch)
		_, ofFunction := err.(functionError)
		switch {
		case n != test.want, (err == nil) != (test.err == ""):
			t.Errorf("%s: %d, %v", test.answer, n, err)
		case err != nil && (!strings.Contains(err.Error(), test.err) || !ofFunction):
			t.Errorf("%s: %v", test.answer, err)
		}
	}
}
