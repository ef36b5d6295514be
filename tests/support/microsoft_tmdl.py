"""Asks Microsoft's own parser about models in TMDL. Run by the Python of .local/powerbi, which ``make setup WITH=powerbi`` makes.

Arguments: folders of TMDL. For each a line of JSON on standard output: {"error": null, "files": {path: text}} with the
model as the parser writes it again, or {"error": what it refuses, "files": {}}. It checks names, types and references of
the model; neither DAX nor M.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

PACKAGES = Path(sysconfig.get_paths()["purelib"])
RUNTIME = {
    "runtimeOptions": {
        "tfm": "netcoreapp3.1",
        "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
        # The machine may have no ICU.
        "configProperties": {"System.Globalization.Invariant": True},
    }
}


def start() -> Any:
    """Loads .NET and the parser into this process; returns the namespace Microsoft.AnalysisServices.Tabular."""
    from clr_loader import get_coreclr
    from pythonnet import set_runtime

    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "runtimeconfig.json"
        config.write_text(json.dumps(RUNTIME))
        set_runtime(get_coreclr(runtime_config=str(config), dotnet_root=str(PACKAGES / "dotnetcore2" / "bin")))
        import clr
    for name in ("Core", "Tabular", "Tabular.Json"):
        clr.AddReference(str(PACKAGES / "pbi_cli" / "dlls" / f"Microsoft.AnalysisServices.{name}"))
    _stand_in(clr)
    from Microsoft.AnalysisServices import Tabular

    return Tabular


def ask(tabular: Any, folder: str) -> dict[str, Any]:
    """What the parser says of a folder."""
    from System import Exception as DotNetError

    try:
        model = tabular.TmdlSerializer.DeserializeModelFromFolder(folder)
        faults = [str(one.Message) for one in model.Validate().Errors]
        if faults:
            return {"error": "; ".join(faults), "files": {}}
        with tempfile.TemporaryDirectory() as again:
            tabular.TmdlSerializer.SerializeModelToFolder(model, again)
            # Before the first sign there is a byte order mark, and Windows' ends of lines may be there.
            texts = {path: path.read_text(encoding="utf-8-sig") for path in Path(again).rglob("*.tmdl")}
            files = {path.relative_to(again).as_posix(): text for path, text in texts.items()}
    except DotNetError as error:
        return {"error": str(error.Message), "files": {}}
    return {"error": None, "files": files}


def _stand_in(clr: Any) -> None:
    """An assembly of one property in place of System.Configuration.ConfigurationManager, which no wheel has.

    The parser asks it for settings of the application before it words an error. It is put together in memory
    (System.Reflection.Metadata); what the assembly's reader needs of it is the key of .NET's own libraries.
    """
    for name in ("System.Reflection.Metadata", "System.Collections.Immutable"):
        clr.AddReference(name)
    import System
    from System.Reflection import (
        Assembly,
        AssemblyFlags,
        AssemblyHashAlgorithm,
        MethodAttributes,
        MethodImplAttributes,
        TypeAttributes,
    )
    from System.Reflection import Metadata as meta
    from System.Reflection.Metadata import Ecma335 as ecma
    from System.Reflection.PortableExecutable import ManagedPEBuilder, PEHeaderBuilder

    tokens = ecma.MetadataTokens

    def none(kind: Any) -> Any:
        return System.Activator.CreateInstance(clr.GetClrType(kind))

    def entity(handle: Any) -> Any:
        return tokens.EntityHandle(tokens.GetToken(type(handle).op_Implicit(handle)))

    def blob(*signs: int) -> Any:
        made = meta.BlobBuilder(256)
        for sign in signs:
            made.WriteByte(sign)
        return data.GetOrAddBlob(made)

    data, code = ecma.MetadataBuilder(0, 0, 0, 0), meta.BlobBuilder(256)
    text, no_text, no_blob, no_id = data.GetOrAddString, *map(none, (meta.StringHandle, meta.BlobHandle, meta.GuidHandle))
    name, flags, version = "System.Configuration.ConfigurationManager", AssemblyFlags(0), System.Version(4, 0, 3, 0)
    data.AddModule(0, text("stand_in.dll"), data.GetOrAddGuid(System.Guid.NewGuid()), no_id, no_id)
    key = blob(*Assembly.Load("netstandard").GetName().GetPublicKey())
    data.AddAssembly(text(name), version, no_text, key, AssemblyFlags.PublicKey, AssemblyHashAlgorithm(0))

    def reference(assembly: str, number: Any, space: str, kind: str) -> Any:
        found = data.AddAssemblyReference(text(assembly), number, no_text, no_blob, flags, no_blob)
        return data.AddTypeReference(entity(found), text(space), text(kind))

    base = reference("System.Runtime", System.Version(4, 2, 2, 0), "System", "Object")
    collections = "System.Collections.Specialized"
    settings = reference(collections, System.Version(4, 1, 0, 0), collections, "NameValueCollection")
    # Signatures as ECMA-335 (II.23.2) has them: an instance's constructor without arguments, a static method that
    # returns an object of the class that stands in the row.
    made = data.AddMemberReference(entity(settings), text(".ctor"), blob(0x20, 0, 1))
    signature = blob(0, 0, 0x12, tokens.GetRowNumber(entity(settings)) << 2 | 1)
    body = ecma.InstructionEncoder(meta.BlobBuilder(256))
    body.OpCode(meta.ILOpCode.Newobj)
    body.Token(entity(made))
    body.OpCode(meta.ILOpCode.Ret)
    at = ecma.MethodBodyStreamEncoder(code).AddMethodBody(body)
    public = MethodAttributes.Public | MethodAttributes.Static
    first, fields = tokens.MethodDefinitionHandle(1), tokens.FieldDefinitionHandle(1)
    getter, parameters = text("get_AppSettings"), tokens.ParameterHandle(1)
    data.AddMethodDefinition(public, MethodImplAttributes.IL, getter, signature, at, parameters)
    data.AddTypeDefinition(TypeAttributes(0), no_text, text("<Module>"), none(meta.EntityHandle), fields, first)
    manager = text("System.Configuration"), text("ConfigurationManager")
    data.AddTypeDefinition(TypeAttributes.Public, *manager, entity(base), fields, first)
    image = meta.BlobBuilder(4096)
    ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), ecma.MetadataRootBuilder(data), code).Serialize(image)
    assembly = Assembly.Load(image.ToArray())

    def resolve(sender: Any, asked: Any) -> Any:
        return assembly if str(asked.Name).startswith(f"{name},") else None

    System.AppDomain.CurrentDomain.AssemblyResolve += System.ResolveEventHandler(resolve)


if __name__ == "__main__":
    parser = start()
    for argument in sys.argv[1:]:
        print(json.dumps(ask(parser, argument)), flush=True)
