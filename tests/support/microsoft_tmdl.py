"""Asks Microsoft's own parser about models in TMDL.

Run by the Python of .local/powerbi, which ``make setup WITH=powerbi`` makes. Arguments: folders of TMDL. For each a
line of JSON on standard output: {"error": null, "files": {path: text}} with the model as the parser writes it again, or
{"error": what it refuses, "files": {}}. It checks names, types and references of the model; neither DAX nor M.
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
    """Loads an assembly of one property in place of System.Configuration.ConfigurationManager, which no wheel has.

    The parser asks it for settings of the application before it words an error.
    """
    for part in ("System.Reflection.Metadata", "System.Collections.Immutable"):
        clr.AddReference(part)
    import System

    name = "System.Configuration.ConfigurationManager"
    assembly = System.Reflection.Assembly.Load(_Image(clr).of(name))

    def resolve(sender: Any, asked: Any) -> Any:
        return assembly if str(asked.Name).startswith(f"{name},") else None

    System.AppDomain.CurrentDomain.AssemblyResolve += System.ResolveEventHandler(resolve)


class _Image:
    """An assembly, put together in memory by System.Reflection.Metadata in the form of ECMA-335."""

    def __init__(self, clr: Any) -> None:
        import System
        from System.Reflection import Metadata
        from System.Reflection.Metadata import Ecma335

        def none(kind: Any) -> Any:
            return System.Activator.CreateInstance(clr.GetClrType(kind))

        self.system, self.meta, self.ecma, self.tokens = System, Metadata, Ecma335, Ecma335.MetadataTokens
        self.data, self.code = Ecma335.MetadataBuilder(0, 0, 0, 0), Metadata.BlobBuilder(256)
        self.text = self.data.GetOrAddString
        self.no_text, self.no_blob = none(Metadata.StringHandle), none(Metadata.BlobHandle)
        self.no_id, self.no_entity = none(Metadata.GuidHandle), none(Metadata.EntityHandle)

    def of(self, name: str) -> Any:
        """The bytes of an assembly with a class ConfigurationManager, whose AppSettings are empty."""
        from System.Reflection import MethodAttributes, MethodImplAttributes, TypeAttributes
        from System.Reflection.PortableExecutable import ManagedPEBuilder, PEHeaderBuilder

        data, text, tokens = self.data, self.text, self.tokens
        self.begin(name)
        base = self.reference("System.Runtime", (4, 2, 2, 0), "System", "Object")
        collections = "System.Collections.Specialized"
        settings = self.reference(collections, (4, 1, 0, 0), collections, "NameValueCollection")
        # Signatures (II.23.2): a constructor without arguments; a static method that returns an object of a class.
        made = data.AddMemberReference(settings, text(".ctor"), self.blob(0x20, 0, 1))
        signature = self.blob(0, 0, 0x12, tokens.GetRowNumber(settings) << 2 | 1)
        body = self.ecma.InstructionEncoder(self.meta.BlobBuilder(256))
        body.OpCode(self.meta.ILOpCode.Newobj)
        body.Token(self.entity(made))
        body.OpCode(self.meta.ILOpCode.Ret)
        at = self.ecma.MethodBodyStreamEncoder(self.code).AddMethodBody(body)
        public, getter = MethodAttributes.Public | MethodAttributes.Static, text("get_AppSettings")
        il, parameters = MethodImplAttributes.IL, tokens.ParameterHandle(1)
        data.AddMethodDefinition(public, il, getter, signature, at, parameters)
        first = tokens.FieldDefinitionHandle(1), tokens.MethodDefinitionHandle(1)
        data.AddTypeDefinition(TypeAttributes(0), self.no_text, text("<Module>"), self.no_entity, *first)
        manager = text("System.Configuration"), text("ConfigurationManager")
        data.AddTypeDefinition(TypeAttributes.Public, *manager, base, *first)
        image = self.meta.BlobBuilder(4096)
        header = PEHeaderBuilder.CreateLibraryHeader()
        ManagedPEBuilder(header, self.ecma.MetadataRootBuilder(data), self.code).Serialize(image)
        return image.ToArray()

    def begin(self, name: str) -> None:
        from System.Reflection import Assembly, AssemblyFlags, AssemblyHashAlgorithm

        module = self.data.GetOrAddGuid(self.system.Guid.NewGuid())
        self.data.AddModule(0, self.text(f"{name}.dll"), module, self.no_id, self.no_id)
        # Who asks for it wants the key of .NET's own libraries; nobody looks for a signature.
        key = self.blob(*Assembly.Load("netstandard").GetName().GetPublicKey())
        version, flags = self.system.Version(4, 0, 3, 0), AssemblyFlags.PublicKey
        self.data.AddAssembly(self.text(name), version, self.no_text, key, flags, AssemblyHashAlgorithm(0))

    def reference(self, assembly: str, version: tuple[int, ...], space: str, kind: str) -> Any:
        """A type of another assembly."""
        from System.Reflection import AssemblyFlags

        number, flags = self.system.Version(*version), AssemblyFlags(0)
        found = self.data.AddAssemblyReference(
            self.text(assembly), number, self.no_text, self.no_blob, flags, self.no_blob
        )
        return self.entity(self.data.AddTypeReference(self.entity(found), self.text(space), self.text(kind)))

    def entity(self, handle: Any) -> Any:
        return self.tokens.EntityHandle(self.tokens.GetToken(type(handle).op_Implicit(handle)))

    def blob(self, *signs: int) -> Any:
        made = self.meta.BlobBuilder(256)
        for sign in signs:
            made.WriteByte(sign)
        return self.data.GetOrAddBlob(made)


if __name__ == "__main__":
    parser = start()
    for argument in sys.argv[1:]:
        print(json.dumps(ask(parser, argument)), flush=True)
