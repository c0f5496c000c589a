"""Writes DynamoDBLocal.jar: a jar of only a manifest, naming the main class and Maven's jars."""

import pathlib
import sys
import zipfile

folder = pathlib.Path(sys.argv[1])
jars = sorted((j.name for j in (folder / "DynamoDBLocal_lib").glob("*.jar")), key=lambda n: (not n.startswith("DynamoDBLocal"), n))
manifest = [
    "Manifest-Version: 1.0",
    "Main-Class: software.amazon.dynamodb.services.local.main.ServerRunner",
    "Class-Path: " + " ".join("DynamoDBLocal_lib/" + j for j in jars),
]
folded = []  # a manifest's lines have at most 72 bytes; a continuation begins with a space
for line in manifest:
    folded.append(line[:70])
    folded += [" " + line[i : i + 69] for i in range(70, len(line), 69)]
with zipfile.ZipFile(folder / "DynamoDBLocal.jar", "w") as jar:
    jar.writestr("META-INF/MANIFEST.MF", "\r\n".join(folded) + "\r\n\r\n")
