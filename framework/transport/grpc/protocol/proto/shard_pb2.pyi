from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DTYPE_UNSPECIFIED: _ClassVar[DType]
    DTYPE_UINT8: _ClassVar[DType]
    DTYPE_INT8: _ClassVar[DType]
    DTYPE_UINT16: _ClassVar[DType]
    DTYPE_FLOAT16: _ClassVar[DType]
    DTYPE_FLOAT32: _ClassVar[DType]

class Codec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CODEC_UNSPECIFIED: _ClassVar[Codec]
    CODEC_PIXELS: _ClassVar[Codec]
    CODEC_FLOAT32: _ClassVar[Codec]
    CODEC_FLOAT16: _ClassVar[Codec]
    CODEC_BFLOAT16: _ClassVar[Codec]
    CODEC_INT8: _ClassVar[Codec]
    CODEC_INT4: _ClassVar[Codec]
DTYPE_UNSPECIFIED: DType
DTYPE_UINT8: DType
DTYPE_INT8: DType
DTYPE_UINT16: DType
DTYPE_FLOAT16: DType
DTYPE_FLOAT32: DType
CODEC_UNSPECIFIED: Codec
CODEC_PIXELS: Codec
CODEC_FLOAT32: Codec
CODEC_FLOAT16: Codec
CODEC_BFLOAT16: Codec
CODEC_INT8: Codec
CODEC_INT4: Codec

class MetadataRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Metadata(_message.Message):
    __slots__ = ("protocol", "model", "weights_sha256", "img_size", "patch_size", "window_size", "width", "depth", "heads", "global_blocks")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    IMG_SIZE_FIELD_NUMBER: _ClassVar[int]
    PATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SIZE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    model: str
    weights_sha256: bytes
    img_size: int
    patch_size: int
    window_size: int
    width: int
    depth: int
    heads: int
    global_blocks: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, protocol: _Optional[int] = ..., model: _Optional[str] = ..., weights_sha256: _Optional[bytes] = ..., img_size: _Optional[int] = ..., patch_size: _Optional[int] = ..., window_size: _Optional[int] = ..., width: _Optional[int] = ..., depth: _Optional[int] = ..., heads: _Optional[int] = ..., global_blocks: _Optional[_Iterable[int]] = ...) -> None: ...

class Tensor(_message.Message):
    __slots__ = ("dtype", "shape", "byte_count", "data")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    BYTE_COUNT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    dtype: DType
    shape: _containers.RepeatedScalarFieldContainer[int]
    byte_count: int
    data: bytes
    def __init__(self, dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., byte_count: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class Payload(_message.Message):
    __slots__ = ("codec", "data", "scale")
    CODEC_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    codec: Codec
    data: Tensor
    scale: Tensor
    def __init__(self, codec: _Optional[_Union[Codec, str]] = ..., data: _Optional[_Union[Tensor, _Mapping]] = ..., scale: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...

class Tie(_message.Message):
    __slots__ = ("session", "request", "round")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    session: str
    request: int
    round: int
    def __init__(self, session: _Optional[str] = ..., request: _Optional[int] = ..., round: _Optional[int] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("protocol", "weights_sha256", "tie", "blocks", "codec", "windows")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    TIE_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    weights_sha256: bytes
    tie: Tie
    blocks: _containers.RepeatedScalarFieldContainer[int]
    codec: Codec
    windows: int
    def __init__(self, protocol: _Optional[int] = ..., weights_sha256: _Optional[bytes] = ..., tie: _Optional[_Union[Tie, _Mapping]] = ..., blocks: _Optional[_Iterable[int]] = ..., codec: _Optional[_Union[Codec, str]] = ..., windows: _Optional[int] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ("index", "payload")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    index: int
    payload: Payload
    def __init__(self, index: _Optional[int] = ..., payload: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("opening", "window")
    OPENING_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    opening: Opening
    window: Window
    def __init__(self, opening: _Optional[_Union[Opening, _Mapping]] = ..., window: _Optional[_Union[Window, _Mapping]] = ...) -> None: ...

class WindowAnswer(_message.Message):
    __slots__ = ("tie", "window")
    TIE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    tie: Tie
    window: Window
    def __init__(self, tie: _Optional[_Union[Tie, _Mapping]] = ..., window: _Optional[_Union[Window, _Mapping]] = ...) -> None: ...

class BandAnswer(_message.Message):
    __slots__ = ("tie", "top", "payload")
    TIE_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    tie: Tie
    top: int
    payload: Payload
    def __init__(self, tie: _Optional[_Union[Tie, _Mapping]] = ..., top: _Optional[int] = ..., payload: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...
