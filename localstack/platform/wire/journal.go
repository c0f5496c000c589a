package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"syscall"
)

// Journal keeps what the functions write to DynamoDB, so that a local platform that was
// stopped or killed starts with what it had accepted. A call is answered only after its
// line is in the file. The file survives the process but not the machine (there is no
// fsync). Queues are not kept: they are filled again from the tables.
type Journal struct {
	path   string
	mu     sync.Mutex // the order in the file is the order of the writes
	file   *os.File
	tables map[string]string // the name in the deployment, by the name in the file
	lines  int               // in the file
	base   int               // how many lines the last compaction left
	post   func(ctx context.Context, op string, body []byte) ([]byte, error)
}

// ErrKept is returned when another process keeps the same journal.
var ErrKept = errors.New("another platform of this checkout uses the same data folder")

type line struct {
	Op   string          `json:"op"`
	Body json.RawMessage `json:"body"`
}

// compactAfter is how many lines are added before the file is rewritten from the tables.
// Heartbeats alone add three lines a minute for each agent.
const compactAfter = 5000

// OpenJournal opens or creates the file and locks it to this process.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, ErrKept
	}
	return &Journal{path: path, file: f}, nil
}

// Close closes and unlocks the file.
func (j *Journal) Close() { _ = j.file.Close() }

// Restore repeats everything kept on a fresh deployment, and from then on keeps what is
// written to it. tables are its table names by the names used in the file. It returns how
// many writes were repeated.
func (j *Journal) Restore(ctx context.Context, endpoint string, tables map[string]string) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tables = tables
	j.post = func(ctx context.Context, op string, body []byte) ([]byte, error) {
		return post(ctx, endpoint, op, body)
	}
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	n, whole := 0, int64(0)
	for r := bufio.NewReader(j.file); ; {
		raw, err := r.ReadBytes('\n')
		if err == io.EOF {
			break // a last line without its end was never answered, so it did not happen
		}
		if err != nil {
			return n, err
		}
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			return n, fmt.Errorf("journal %s, line %d: %w", j.path, n+1, err)
		}
		if _, err := j.post(ctx, l.Op, j.rename(l.Body, true)); err != nil {
			return n, fmt.Errorf("journal %s, line %d: %w (make clean starts afresh)", j.path, n+1, err)
		}
		n++
		whole += int64(len(raw))
	}
	if err := j.file.Truncate(whole); err != nil {
		return n, err
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return n, err
	}
	j.lines, j.base = n, 0
	return n, j.compact(ctx)
}

// Layer is the wire.Layer that keeps what passes. Writes go one at a time, so that their
// order is known.
func (j *Journal) Layer(ctx context.Context, c Call, next Forward) Answer {
	if c.Service != "DynamoDB" || !c.Writes() {
		return next(c)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	a := next(c)
	if a.Status != http.StatusOK || j.post == nil {
		return a
	}
	if err := j.append(j.file, c.Operation, j.rename(c.Body, false)); err != nil {
		return Fault(http.StatusInternalServerError, "InternalServerError", err.Error())
	}
	if j.lines++; j.lines-j.base > compactAfter {
		if err := j.compact(context.WithoutCancel(ctx)); err != nil {
			return Fault(http.StatusInternalServerError, "InternalServerError", err.Error())
		}
	}
	return a
}

func (j *Journal) append(f *os.File, op string, body []byte) error {
	raw, err := json.Marshal(line{op, body})
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	return err
}

// compact writes the present items of the tables to a new file, and then replaces the old
// file by it in one step.
func (j *Journal) compact(ctx context.Context) error {
	if j.lines == j.base {
		return nil
	}
	next, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	n := 0
	for name, table := range j.tables {
		items, err := j.copyTable(ctx, next, name, table)
		if err != nil {
			return err
		}
		n += items
	}
	if err := syscall.Flock(int(next.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if err := os.Rename(j.path+".new", j.path); err != nil {
		return err
	}
	j.file.Close()
	j.file, j.lines, j.base = next, n, n
	return nil
}

// copyTable appends a PutItem for each item of a table, and returns how many it were.
func (j *Journal) copyTable(ctx context.Context, to *os.File, name, table string) (n int, err error) {
	scan := map[string]any{"TableName": table, "ConsistentRead": true}
	for {
		in, err := json.Marshal(scan)
		if err != nil {
			return n, err
		}
		raw, err := j.post(ctx, "Scan", in)
		if err != nil {
			return n, err
		}
		var page struct {
			Items            []json.RawMessage
			LastEvaluatedKey json.RawMessage
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return n, err
		}
		for _, item := range page.Items {
			body, err := json.Marshal(map[string]any{"TableName": name, "Item": item})
			if err != nil {
				return n, err
			}
			if err := j.append(to, "PutItem", body); err != nil {
				return n, err
			}
			n++
		}
		if len(page.LastEvaluatedKey) == 0 {
			return n, nil
		}
		scan["ExclusiveStartKey"] = page.LastEvaluatedKey
	}
}

// rename replaces table names: those of the file by the deployment's, or the other way
// round. A name is found with its quotes; in a message's text those would be escaped.
func (j *Journal) rename(body []byte, toDeployed bool) []byte {
	for kept, deployed := range j.tables {
		from, to := deployed, kept
		if toDeployed {
			from, to = kept, deployed
		}
		body = bytes.ReplaceAll(body, []byte(`"`+from+`"`), []byte(`"`+to+`"`))
	}
	return body
}

func post(ctx context.Context, endpoint, op string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	// The emulators route by the credential's scope and do not check the signature.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 "+
		"Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %d: %s", op, resp.StatusCode, out)
	}
	return out, err
}
