#!/bin/bash
curl -sI -x localhost:3128 http://127.0.0.1:11372/pks/lookup | head -1
