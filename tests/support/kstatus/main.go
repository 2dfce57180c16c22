// Flux's kstatus: reads one object as JSON per line and answers each with one line of JSON, its status and message.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func answer(line []byte) map[string]string {
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(line); err != nil {
		return map[string]string{"error": err.Error()}
	}
	result, err := status.Compute(&object)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return map[string]string{"status": result.Status.String(), "message": result.Message}
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
		encoded, err := json.Marshal(answer(line))
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(append(encoded, '\n'))
	}
}
