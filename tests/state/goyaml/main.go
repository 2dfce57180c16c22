// The judge of the YAML tests: reads one JSON request per line and answers each with one line of JSON.
//
//	{"dump": VALUE}        -> {"text": YAML}, as kops writes VALUE
//	{"load": YAML}         -> {"value": JSON}, as kops reads it
//
// A refusal of either is {"error": TEXT}.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"sigs.k8s.io/yaml"
)

type request struct {
	Dump any    `json:"dump"`
	Load string `json:"load"`
}

// numbers makes an int64, uint64 or float64 of each number, as kops's types hold them.
func numbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, each := range value {
			value[key] = numbers(each)
		}
	case []any:
		for index, each := range value {
			value[index] = numbers(each)
		}
	case json.Number:
		if whole, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return whole
		}
		if whole, err := strconv.ParseUint(value.String(), 10, 64); err == nil {
			return whole
		}
		broken, _ := value.Float64()
		return broken
	}
	return value
}

func answer(line []byte) (any, error) {
	var asked request
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&asked); err != nil {
		return nil, err
	}
	if asked.Dump != nil {
		text, err := yaml.Marshal(numbers(asked.Dump))
		return map[string]string{"text": string(text)}, err
	}
	value, err := yaml.YAMLToJSON([]byte(asked.Load))
	return map[string]json.RawMessage{"value": value}, err
}

func main() {
	if len(os.Args) > 1 { // whoever asks for --version wants to see that the program runs
		return
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		result, err := answer(line)
		if err != nil {
			result = map[string]string{"error": err.Error()}
		}
		encoded, err := json.Marshal(result)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(encoded))
	}
}
