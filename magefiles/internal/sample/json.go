package sample

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// checkJSON returns an error that names file, line and column unless data is one
// JSON value.
func checkJSON(file string, data []byte, duplicates bool) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("%s: the file is empty", file)
	}
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(duplicates))
	_, err := d.ReadValue()
	if err == nil {
		end := d.InputOffset()
		if _, err := d.ReadToken(); errors.Is(err, io.EOF) {
			return nil
		}
		end += int64(len(data[end:]) - len(bytes.TrimLeft(data[end:], " \t\r\n")))
		return fmt.Errorf("%s:%s: there is more than one JSON value", file, position(data, end))
	}
	offset, problem := int64(len(data)), "the file ends too early"
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok && !errors.Is(err, io.ErrUnexpectedEOF) {
		offset, problem = syntax.ByteOffset, syntax.Err.Error()
		if errors.Is(err, jsontext.ErrDuplicateName) {
			problem = fmt.Sprintf("the member %q occurs twice; remove one", syntax.JSONPointer.LastToken())
		}
	}
	return fmt.Errorf("%s:%s: %s", file, position(data, offset), problem)
}

// position returns the line and the column, in bytes, of an offset: "3:14".
func position(data []byte, offset int64) string {
	before := data[:offset]
	return fmt.Sprintf("%d:%d", bytes.Count(before, []byte("\n"))+1, len(before)-bytes.LastIndexByte(before, '\n'))
}
