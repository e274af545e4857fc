// Command barefiltermap does by hand, with encoding/json and structs, what filtermap does with the configuration of its benchmark.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

type event struct {
	Event        string    `json:"event"`
	WorkflowID   string    `json:"workflow_id"`
	WorkflowName string    `json:"workflow_name"`
	Timestamp    time.Time `json:"timestamp"`
	Payload      struct {
		Status   string  `json:"status"`
		Duration float64 `json:"duration"`
		ExitCode int     `json:"exit_code"`
		Step     string  `json:"step"`
		Note     string  `json:"note"`
	} `json:"payload"`
}

type message struct {
	Text     string  `json:"text"`
	Color    string  `json:"color"`
	Run      string  `json:"run"`
	Seconds  float64 `json:"seconds"`
	ExitCode int     `json:"exit_code"`
	Note     string  `json:"note"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			log.Fatal(err)
		}
		if e.Event != "workflow_end" || !strings.HasPrefix(e.WorkflowName, "deploy-") || e.Payload.Duration <= 10 {
			continue
		}
		color := "danger"
		if e.Payload.Status == "success" {
			color = "good"
		}
		text, err := json.Marshal(message{
			Text:  e.WorkflowName + ": " + e.Payload.Status + " after " + strconv.FormatFloat(e.Payload.Duration, 'f', -1, 64) + " s",
			Color: color, Run: e.WorkflowID, Seconds: e.Payload.Duration, ExitCode: e.Payload.ExitCode, Note: e.Payload.Note,
		})
		if err != nil {
			log.Fatal(err)
		}
		_, _ = out.Write(text)
		_ = out.WriteByte('\n')
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}
