package traffic

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// accepted is how many records of a batch, from its first, a stream's function
// has processed by its own answer, in which it may report the others as failed:
//
//	{"batchItemFailures": [{"itemIdentifier": "SEQUENCE NUMBER"}]}
//
// The failed record with the lowest number is where the next batch begins. An
// answer without such a list, or with an empty one, is a complete success. An
// identifier that is missing, empty or not of the batch makes a complete
// failure, as does a list that is none. The failure says what is wrong.
//
// This is how mappings with ReportBatchItemFailures work. Others ignore what
// the function answers; one whose function reports nothing is played the same.
//
// https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
func accepted(answer []byte, batch []record) (int, *failure) {
	var response map[string]json.RawMessage // unlike a struct, exact about the case of names
	if json.Unmarshal(answer, &response) != nil {
		return len(batch), nil
	}
	list, ok := response["batchItemFailures"]
	if !ok {
		return len(batch), nil
	}
	malformed := func(err error) (int, *failure) {
		return 0, &failure{kind: "batchItemFailures", err: fmt.Errorf("batchItemFailures: %w: %.200s", err, list), function: true}
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return malformed(errors.New("not a list of objects"))
	}
	first := len(batch)
	for _, item := range items {
		var number string
		if json.Unmarshal(item["itemIdentifier"], &number) != nil || number == "" {
			return malformed(errors.New("an itemIdentifier is missing"))
		}
		at := slices.IndexFunc(batch, func(r record) bool { return r.number == number })
		if at < 0 {
			return malformed(fmt.Errorf("no record of the batch has the number %q", number))
		}
		first = min(first, at)
	}
	if first == len(batch) {
		return first, nil
	}
	return first, &failure{
		kind:     "batchItemFailures",
		err:      fmt.Errorf("the function reported record %s as failed, number %d in a batch of %d", batch[first].number, first+1, len(batch)),
		function: true,
	}
}
