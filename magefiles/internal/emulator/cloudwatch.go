package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"
)

// cloudWatch is the name of CloudWatch's service in both protocols.
const cloudWatch = "GraniteServiceVersion20100801"

// cloudWatchOperation finds the operation that a request is for, if it is one
// of CloudWatch's. Two of its three protocols are spoken: Smithy RPC v2 CBOR,
// which the SDK for Go has, and awsJson 1.0, which the AWS CLI has. The oldest,
// with queries and XML, is not.
//
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
// https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
func cloudWatchOperation(r *http.Request) (operation, bool) {
	name, ok := strings.CutPrefix(r.URL.Path, "/service/"+cloudWatch+"/operation/")
	if !ok && r.URL.Path == "/" {
		name, ok = strings.CutPrefix(r.Header.Get("X-Amz-Target"), cloudWatch+".")
	}
	if !ok || r.Method != http.MethodPost {
		return operation{}, false
	}
	op := operation{"Unknown", "monitoring", maxOtherRequest, (*Server).unknownOperation}
	if name == "GetMetricData" {
		op.name, op.run = name, (*Server).getMetricData
	}
	return op, true
}

// speaksCBOR says which of the two protocols a request is in.
func speaksCBOR(r *http.Request) bool { return r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" }

// getMetricData answers from what the server has served.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func (s *Server) getMetricData(c *call) (reply, error) {
	body := c.body
	if speaksCBOR(c.Request) {
		value, err := cbor.Decode(body)
		if err == nil {
			body, err = json.Marshal(plain(value))
		}
		if err != nil {
			return reply{}, &apiError{http.StatusBadRequest, "SerializationException", err.Error()}
		}
	}
	var request metricDataRequest
	if err := decode(body, &request); err != nil {
		return reply{}, err
	}
	response, err := s.metrics.get(request)
	if err != nil {
		return reply{}, err
	}
	if speaksCBOR(c.Request) {
		return cborReply(http.StatusOK, response.cbor()), nil
	}
	r, err := jsonReply(http.StatusOK, response)
	r.header["Content-Type"] = "application/x-amz-json-1.0"
	return r, err
}

// plain is a CBOR value as encoding/json takes it. Times become seconds, which
// is what awsJson has for them.
func plain(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		m := map[string]any{}
		for name, value := range v {
			m[name] = plain(value)
		}
		return m
	case cbor.List:
		list := []any{}
		for _, value := range v {
			list = append(list, plain(value))
		}
		return list
	case *cbor.Tag:
		return plain(v.Value)
	case cbor.NegInt:
		return -float64(v)
	case *cbor.Nil, *cbor.Undefined:
		return nil
	}
	return v // a string, a number, a boolean or bytes
}

func cborReply(status int, v cbor.Value) reply {
	return reply{status, map[string]string{
		"Content-Type":    "application/cbor",
		"Smithy-Protocol": "rpc-v2-cbor",
	}, cbor.Encode(v)}
}

// cloudWatchReply is CloudWatch's form of an error. The header has the code that
// its oldest protocol has for it; that is what the SDKs show.
//
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
func (e *apiError) cloudWatchReply(r *http.Request) reply {
	var answer reply
	if speaksCBOR(r) {
		answer = cborReply(e.status, cbor.Map{"__type": cbor.String(e.code), "message": cbor.String(e.message)})
	} else {
		answer, _ = jsonReply(e.status, map[string]string{"__type": e.code, "message": e.message})
		answer.header["Content-Type"] = "application/x-amz-json-1.0"
	}
	fault := "Sender"
	if e.status >= 500 {
		fault = "Receiver"
	}
	answer.header["X-Amzn-Query-Error"] = stsCode(e.code) + ";" + fault
	return answer
}

// badQuery is CloudWatch's answer to a request that it cannot take.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
func badQuery(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}
