package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func keepsOperations(t *testing.T, q *queue) {
	var want []delivery.Operation
	for i := range 5 {
		op := delivery.Operation{Who: "ops\x00\xff", What: "replay", Target: fmt.Sprint("msg_", i), Count: i, Note: "after the mending"}
		if err := q.Record(q.set(at(i)), op); err != nil {
			t.Fatal(err)
		}
		op.At = at(i)
		want = append([]delivery.Operation{op}, want...)
	}
	got, err := q.Operations(q.set(at(9)), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(delivery.Operation{}, "Seq"), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	page, err := q.Operations(q.set(at(9)), got[1].Seq, 2)
	if err != nil || len(page) != 2 || page[0] != got[2] || page[1] != got[3] {
		t.Errorf("before the second: %v, %v, want the next two", page, err)
	}
	if err := q.Record(q.set(at(9)), delivery.Operation{Note: strings.Repeat("é", delivery.MaxOperationText)}); err != nil {
		t.Fatal(err)
	}
	got, err = q.Operations(q.set(at(9)), 0, 1)
	if err != nil || len(got[0].Note) != delivery.MaxOperationText {
		t.Errorf("a long text has %d bytes, %v", len(got[0].Note), err)
	}
}
