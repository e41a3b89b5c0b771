// Verifies a published log with the code that the format comes from: golang.org/x/mod/sumdb/note and .../tlog.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify.go DIRECTORY VERIFIER-KEY [OLDER-CHECKPOINT …]
//
// Every record is hashed and proved in the signed tree, every tile authenticated, every older checkpoint proved to be a beginning.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type directory string

func (d directory) Height() int { return 8 }

func (d directory) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

// tlog-tiles leaves out the height, which x/mod writes into its paths.
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(d), name))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func open(name string, verifiers note.Verifiers) tlog.Tree {
	body, err := os.ReadFile(name)
	check(err)
	opened, err := note.Open(body, verifiers)
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree
}

func records(d directory, size int64) [][]byte {
	var found [][]byte
	for start := int64(0); start < size; start += 256 {
		tile := tlog.Tile{H: 8, L: -1, N: start / 256, W: 256}
		if size-start < 256 {
			tile.W = int(size - start)
		}
		name := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(string(d), name))
		check(err)
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data)) + 2
			found = append(found, data[2:length])
			data = data[length:]
		}
	}
	return found
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	place := directory(os.Args[1])
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	verifiers := note.VerifierList(verifier)
	tree := open(filepath.Join(string(place), "checkpoint"), verifiers)
	reader := tlog.TileHashReader(tree, place)
	found := records(place, tree.N)
	if int64(len(found)) != tree.N {
		log.Fatalf("%d records in a tree of %d", len(found), tree.N)
	}
	for index, record := range found {
		if !bytes.HasPrefix(record, []byte("{")) {
			log.Fatalf("record %d is not an entry", index)
		}
		proof, err := tlog.ProveRecord(tree.N, int64(index), reader)
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(record)))
	}
	for _, name := range os.Args[3:] {
		older := open(name, verifiers)
		proof, err := tlog.ProveTree(tree.N, older.N, reader)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash))
	}
	fmt.Printf("%d records and %d older checkpoints hold\n", len(found), len(os.Args)-3)
}
